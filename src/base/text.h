/* Small text tools: hex, random ids, bounded copies, hashes of texts. */
#ifndef WHARF_TEXT_H
#define WHARF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_BYTES 32
#define HASH_HEX (HASH_BYTES * 2 + 1)

/* BLAKE2b-256 of a then b (b may be NULL with length 0). */
void text_hash(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t *ret_hash);

/* Lower-case hex with a final NUL: out holds 2 * len + 1 bytes. */
void text_hex(const void *bytes, size_t len, char *out);

/* Reads exactly 2 * len hex digits. 0 or -EINVAL. */
int text_unhex(const char *hex, void *ret_bytes, size_t len);

#define BOOT_ID_MAX 17
/* 16 random hex digits: names one run of one program, the origin of its command ids. */
void text_boot_id(char *out);

/* Copies all of `from` with its NUL; 0, or -ENAMETOOLONG with `out` untouched. */
int text_copy(char *out, size_t size, const char *from);

/* printf into a fixed buffer; 0, or -ENAMETOOLONG where the result did not fit whole. */
int text_format(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

bool text_is_utf8(const char *bytes, size_t len);

/* False where a name holds a control character: it would be six bytes on its way, and some of them separate keys. */
bool text_is_plain(const char *text);

/* A day of the calendar as YYYY-MM-DD, years 1900 to 9999: such texts sort as the days do. */
bool text_is_date(const char *text);

/* Makes a text that was cut at a number of bytes UTF-8 again: each byte that belongs to no character becomes '?'. */
void text_make_utf8(char *text);

/* Makes a folder and its parents (like mkdir -p); 0 or -errno. */
int text_mkdirs(const char *path, unsigned mode);

/* Reads a whole file of at most `max` bytes; the NUL added behind is not counted. 0 or -errno. */
int text_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len);

/* Makes a new or renamed file's name survive a power cut. 0 or -errno. */
int text_sync_folder_of(const char *path);

/* Writes through a temporary file, fsync and rename: old or new, never half. 0 or -errno. */
int text_write_file(const char *path, const void *bytes, size_t len, unsigned mode);

#endif
