/* lossy_fs MOUNTPOINT [BYTES] - the lossy disk as a FUSE file system, told what to do through MOUNTPOINT/.ctl.
 *
 * Nothing is cached by the kernel: each read, write and sync of a process is one call here, in order, one at a time. */
#define FUSE_USE_VERSION 35
#include <fuse.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lossy_disk.h"

#define CONTROL "/.ctl"
#define SPACE_BYTES (256ul << 20)
#define BLOCK 4096
#define FILES_SAID 100000

static struct disk disk;

/* An open file; after a cut it is one of another life. */
struct handle {
	struct disk_file *file; /* NULL: the control file */
	uint64_t generation;
	char path[NAME_PATH_MAX];
};

static struct handle *handle_of(const struct fuse_file_info *info)
{
	return (struct handle *)(uintptr_t)info->fh;
}

static bool is_control(const char *path)
{
	return path && strcmp(path, CONTROL) == 0;
}

static int set_handle(struct fuse_file_info *info, const char *path, struct disk_file *file)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->file = file;
	h->generation = disk.generation;
	snprintf(h->path, sizeof(h->path), "%s", path);
	if (file)
		file->handles++;
	info->fh = (uintptr_t)h;
	info->direct_io = 1;
	return 0;
}

static void fill(const struct disk_file *file, struct stat *st)
{
	*st = (struct stat){ .st_ino = file->inode, .st_mode = file->mode, .st_nlink = 1,
		.st_size = (off_t)file->live_size, .st_blksize = BLOCK,
		.st_blocks = (blkcnt_t)((file->live_size + 511) / 512), .st_uid = getuid(), .st_gid = getgid() };
}

static int lossy_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
	const struct disk_file *file = info ? handle_of(info)->file : NULL;

	if (is_control(path)) {
		*st = (struct stat){ .st_mode = S_IFREG | 0600, .st_nlink = 1 };
		return 0;
	}
	if (!file)
		file = path ? book_find(&disk.names, path) : NULL;
	if (!file)
		return -ENOENT;
	fill(file, st);
	return 0;
}

static int lossy_readdir(const char *path, void *out, fuse_fill_dir_t add, off_t at, struct fuse_file_info *info,
	enum fuse_readdir_flags flags)
{
	const char *name;

	(void)path;
	(void)at;
	(void)flags;
	add(out, ".", NULL, 0, 0);
	add(out, "..", NULL, 0, 0);
	for (size_t i = 0; i < disk.names.live.n; i++)
		if (name_is_in(disk.names.live.list[i].path, handle_of(info)->path, &name))
			add(out, name, NULL, 0, 0);
	return 0;
}

static int lossy_open(const char *path, struct fuse_file_info *info)
{
	struct disk_file *file = book_find(&disk.names, path);
	int r = 0;

	if (is_control(path))
		return set_handle(info, path, NULL);
	if (disk.off)
		return -EIO;
	if (!file)
		return -ENOENT;
	if (info->flags & O_TRUNC)
		r = disk_resize(&disk, file, path, 0);
	return r < 0 ? r : set_handle(info, path, file);
}

static int lossy_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
	struct disk_file *file = NULL;
	int r = disk_make(&disk, path, S_IFREG | mode, &file);

	return r < 0 ? r : set_handle(info, path, file);
}

static int lossy_release(const char *path, struct fuse_file_info *info)
{
	struct handle *h = handle_of(info);

	(void)path;
	if (h->file)
		h->file->handles--;
	free(h);
	return 0;
}

static int alive(const struct handle *h)
{
	return h->generation == disk.generation ? 0 : -EIO;
}

static int read_report(char *out, size_t len, off_t at)
{
	char text[300] = "";
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");
	size_t n;

	if (!f)
		return -ENOMEM;
	disk_report(&disk, f);
	fclose(f);
	n = strlen(text);
	if ((size_t)at >= n)
		return 0;
	n -= (size_t)at;
	memcpy(out, text + at, n < len ? n : len);
	return (int)(n < len ? n : len);
}

static int lossy_read(const char *path, char *out, size_t len, off_t at, struct fuse_file_info *info)
{
	struct handle *h = handle_of(info);
	int r;

	(void)path;
	if (!h->file)
		return read_report(out, len, at);
	r = alive(h);
	return r < 0 ? r : disk_read(&disk, h->file, h->path, out, len, (size_t)at);
}

static int write_control(const char *bytes, size_t len)
{
	char line[256];
	int r;

	if (len >= sizeof(line))
		return -EINVAL;
	memcpy(line, bytes, len);
	line[len] = '\0';
	r = disk_control(&disk, line);
	return r < 0 ? r : (int)len;
}

static int lossy_write(const char *path, const char *bytes, size_t len, off_t at, struct fuse_file_info *info)
{
	struct handle *h = handle_of(info);
	int r;

	(void)path;
	if (!h->file)
		return write_control(bytes, len);
	r = alive(h);
	return r < 0 ? r : disk_write(&disk, h->file, h->path, bytes, len, (size_t)at);
}

static int lossy_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
	struct disk_file *file = info ? handle_of(info)->file : book_find(&disk.names, path);

	if (is_control(path))
		return 0;
	if (!file)
		return -ENOENT;
	if (info && alive(handle_of(info)) < 0)
		return -EIO;
	return disk_resize(&disk, file, path ? path : handle_of(info)->path, (size_t)size);
}

static int lossy_fallocate(const char *path, int mode, off_t at, off_t len, struct fuse_file_info *info)
{
	struct handle *h = handle_of(info);
	size_t end = (size_t)(at + len);

	(void)path;
	if (mode)
		return -EOPNOTSUPP;
	if (alive(h) < 0)
		return -EIO;
	return end > h->file->live_size ? disk_resize(&disk, h->file, h->path, end) : 0;
}

static int lossy_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
	struct handle *h = handle_of(info);
	int r = alive(h);

	(void)path;
	(void)data_only;
	return r < 0 || !h->file ? r : disk_sync(&disk, h->file, h->path);
}

static int lossy_opendir(const char *path, struct fuse_file_info *info)
{
	struct disk_file *file = book_find(&disk.names, path);

	return file ? set_handle(info, path, file) : -ENOENT;
}

static int lossy_fsyncdir(const char *path, int data_only, struct fuse_file_info *info)
{
	int r = alive(handle_of(info));

	(void)path;
	(void)data_only;
	return r < 0 ? r : disk_sync_folder(&disk, handle_of(info)->path);
}

static int lossy_unlink(const char *path)
{
	return disk_remove(&disk, path, false);
}

static int lossy_rmdir(const char *path)
{
	return disk_remove(&disk, path, true);
}

static int lossy_mkdir(const char *path, mode_t mode)
{
	return disk_make(&disk, path, S_IFDIR | mode, NULL);
}

static int lossy_rename(const char *from, const char *to, unsigned flags)
{
	return flags ? -EINVAL : disk_rename(&disk, from, to);
}

static int lossy_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
	struct disk_file *file = info ? handle_of(info)->file : book_find(&disk.names, path);

	if (!file)
		return -ENOENT;
	file->mode = (file->mode & S_IFMT) | (mode & 07777);
	return 0;
}

static int lossy_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info)
{
	(void)path;
	(void)user;
	(void)group;
	(void)info;
	return 0;
}

static int lossy_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info)
{
	(void)path;
	(void)times;
	(void)info;
	return 0;
}

static int lossy_statfs(const char *path, struct statvfs *st)
{
	fsblkcnt_t all = disk.space / BLOCK, free_blocks = disk.used < disk.space ? (disk.space - disk.used) / BLOCK : 0;

	(void)path;
	*st = (struct statvfs){ .f_bsize = BLOCK, .f_frsize = BLOCK, .f_blocks = all, .f_bfree = free_blocks,
		.f_bavail = free_blocks, .f_files = FILES_SAID, .f_ffree = FILES_SAID, .f_favail = FILES_SAID,
		.f_namemax = NAME_PATH_MAX - 1 };
	return 0;
}

static void *lossy_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	(void)connection;
	config->use_ino = 1;
	config->nullpath_ok = 1;
	config->hard_remove = 1;
	config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
	return NULL;
}

static const struct fuse_operations operations = {
	.init = lossy_init,
	.getattr = lossy_getattr,
	.readdir = lossy_readdir,
	.open = lossy_open,
	.create = lossy_create,
	.release = lossy_release,
	.read = lossy_read,
	.write = lossy_write,
	.truncate = lossy_truncate,
	.fallocate = lossy_fallocate,
	.fsync = lossy_fsync,
	.opendir = lossy_opendir,
	.releasedir = lossy_release,
	.fsyncdir = lossy_fsyncdir,
	.unlink = lossy_unlink,
	.rmdir = lossy_rmdir,
	.mkdir = lossy_mkdir,
	.rename = lossy_rename,
	.chmod = lossy_chmod,
	.chown = lossy_chown,
	.utimens = lossy_utimens,
	.statfs = lossy_statfs,
};

int main(int argc, char **argv)
{
	char *arguments[] = { argv[0], NULL, "-f", "-s", NULL };

	if (argc < 2) {
		fputs("usage: lossy_fs MOUNTPOINT [BYTES]\n", stderr);
		return EXIT_FAILURE;
	}
	arguments[1] = argv[1];
	disk_init(&disk, argc > 2 ? strtoul(argv[2], NULL, 10) : SPACE_BYTES);
	return fuse_main(4, arguments, &operations, NULL);
}
