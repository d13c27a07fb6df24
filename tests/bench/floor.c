#include "floor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "text.h"
#include "tool.h"

#define TMPFS 0x01021994 /* linux/magic.h */
#define PIECES 1000000
#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SALT "00112233445566778899aabbccddeeff"

static struct floor *open_floor; /* for the end of the program */

static int free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die("no free port");
	return ntohs(a.sin_port);
}

static void close_open_floor(void)
{
	if (open_floor)
		floor_close(open_floor);
}

static void make_folder(struct floor *f)
{
	const char *below = getenv("WHARF_BENCH_DIR");
	struct statfs s;

	if (text_format(f->folder, sizeof(f->folder), "%s/wharf-bench-XXXXXX", below ? below : "/var/tmp") < 0 ||
		!mkdtemp(f->folder))
		die("no folder can be made below %s", below ? below : "/var/tmp");
	if (statfs(f->folder, &s) == 0 && s.f_type == TMPFS)
		fprintf(stderr, "bench: %s is in memory: commits cost nothing there; set WHARF_BENCH_DIR\n",
			f->folder);
}

void floor_open(struct floor *f)
{
	static bool registered;
	char text[1024];

	*f = (struct floor){ .port = free_port(), .hq_port = free_port() };
	make_folder(f);
	open_floor = f;
	if (!registered)
		atexit(close_open_floor);
	registered = true;
	text_format(f->config, sizeof(f->config), "%s/wharf.conf", f->folder);
	text_format(text, sizeof(text),
		"[paths]\nstate = %s\nrun = %s\n[web]\nport = %d\n[hq]\naddress = tcp://127.0.0.1:%d\n"
		"[hub]\naddress = tcp://127.0.0.1:%d\n",
		f->folder, f->folder, f->port, f->hq_port, f->hq_port);
	if (text_write_file(f->config, text, strlen(text), 0600) < 0)
		die("%s cannot be written", f->config);
}

static void remove_folder(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

void floor_close(struct floor *f)
{
	open_floor = NULL;
	while (f->programs_n)
		floor_stop(f, f->programs[f->programs_n - 1].pid, SIGKILL);
	remove_folder(f->folder);
}

static _Noreturn void become(const struct floor *f, const char *program, const char *word)
{
	const char *log = getenv("WHARF_BENCH_LOG");
	char path[PATH_MAX];
	int fd = open(log ? log : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600);

	/* A bench that dies must not leave programs behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	text_format(path, sizeof(path), "%s/%s", WHARF_BIN, program);
	execl(path, program, "-c", f->config, word, (char *)NULL);
	_exit(127);
}

pid_t floor_start(struct floor *f, const char *program, const char *word)
{
	pid_t pid = f->programs_n < FLOOR_PROGRAMS_MAX ? fork() : -1;

	if (pid == 0)
		become(f, program, word);
	if (pid < 0)
		die("%s cannot be started", program);
	f->programs[f->programs_n].pid = pid;
	text_copy(f->programs[f->programs_n++].name, sizeof(f->programs[0].name), program);
	return pid;
}

void floor_stop(struct floor *f, pid_t pid, int signal)
{
	kill(pid, signal);
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i < f->programs_n; i++) {
		if (f->programs[i].pid != pid)
			continue;
		memmove(&f->programs[i], &f->programs[i + 1], (f->programs_n - i - 1) * sizeof(f->programs[0]));
		f->programs_n--;
		return;
	}
}

double floor_start_core(struct floor *f, pid_t *ret_core)
{
	int64_t start = now_ns();
	struct talk ctl;
	double seconds;

	*ret_core = floor_start(f, "wharfd", NULL);
	talk_open(&ctl, f->folder, DOOR_CTL);
	seconds = seconds_since(start);
	talk_close(&ctl);
	return seconds;
}

void floor_goods(struct talk *ctl, const struct floor_goods *g)
{
	char tote[40];

	text_format(tote, sizeof(tote), "TOTE-%s", g->order);
	talk_do(ctl, "item_put", json_pack("{s:s,s:s,s:i,s:s}", "item", g->item, "title", "Green tea 500 g", "weight_g",
				540, "barcode", g->barcode));
	talk_do(ctl, "location_put", json_pack("{s:s,s:s,s:i}", "location", g->bin, "zone", "A", "walk", 10));
	talk_do(ctl, "tote_put", json_pack("{s:s}", "tote", tote));
	talk_do(ctl, "stock_adjust", json_pack("{s:s,s:s,s:i,s:s}", "location", g->bin, "item", g->item, "qty", g->qty,
				"reason", "bench"));
	talk_do(ctl, "order_put", json_pack("{s:s,s:s,s:s,s:[{s:i,s:s,s:i}]}", "order", g->order, "customer", "C-1",
				"carrier", "NORTH", "lines", "line", 1, "item", g->item, "qty", g->qty));
}

/* The session's name is what wharf-web would have made from the cookie: the pages know it too. */
void floor_sign_on(struct floor *f, struct talk *web, struct handheld *h, const char *role)
{
	struct talk ctl;
	_cleanup_json_ json_t *outcome = NULL;

	text_format(h->badge, sizeof(h->badge), "B-%s", h->device);
	text_format(h->origin, sizeof(h->origin), "%s-%s", web->origin, h->device);
	talk_open(&ctl, f->folder, DOOR_CTL);
	talk_do(&ctl, "user_put", json_pack("{s:s,s:s,s:s,s:s,s:s}", "badge", h->badge, "name", "Pat Bench", "role", role,
				"salt", SALT, "key", KEY));
	talk_close(&ctl);
	session_new_token(h->token);
	session_ids(h->token, h->session, h->csrf);
	talk_send(web, json_pack("{s:{s:s,s:s,s:s,s:s,s:s}}", "login", "id", "login", "badge", h->badge, "key", KEY,
			       "device", h->device, "session", h->session));
	outcome = talk_next(web, "outcome");
	if (!json_is_true(json_object_get(outcome, "ok")))
		die("sign-on: %s", json_str(outcome, "say"));
}

json_t *floor_act(struct talk *web, struct handheld *h, const char *kind, json_t *args)
{
	char id[DOOR_ID_MAX], heard[DOOR_ID_MAX];
	json_t *outcome, *prompt;

	text_format(heard, sizeof(heard), "%s:%lld", h->origin, (long long)(h->n ? h->n : 1));
	text_format(id, sizeof(id), "%s:%lld", h->origin, (long long)++h->n);
	talk_send(web, json_pack("{s:{s:s,s:s,s:s,s:s,s:I,s:s,s:o}}", "command", "id", id, "kind", kind, "actor",
			       h->session, "device", h->device, "step", (json_int_t)h->step, "heard", heard, "args",
			       args));
	outcome = talk_next(web, "outcome");
	prompt = json_object_get(outcome, "prompt");
	h->step = json_int(prompt, "step");
	text_copy(h->barcode, sizeof(h->barcode), json_str(json_object_get(prompt, "data"), "barcode"));
	return outcome;
}

json_t *floor_scan(struct talk *web, struct handheld *h, const char *data)
{
	return floor_act(web, h, "scan", json_pack("{s:s,s:s}", "aim", "]E0", "data", data));
}

/* Until the floor has work: the order is allocated in turns of its own. */
static void begin_order(struct talk *web, struct handheld *h)
{
	char location[64];

	for (bool started = false; !started;) {
		_cleanup_json_ json_t *outcome = floor_act(web, h, "key", json_pack("{s:s}", "key", "start"));
		const json_t *data = json_object_get(json_object_get(outcome, "prompt"), "data");

		started = json_is_true(json_object_get(outcome, "ok"));
		text_copy(location, sizeof(location), json_str(data, "location"));
	}
	json_decref(floor_scan(web, h, location));
}

void floor_handhelds(struct floor *f, struct handheld *h, size_t n)
{
	struct talk ctl, web;

	talk_open(&ctl, f->folder, DOOR_CTL);
	talk_open(&web, f->folder, DOOR_WEB);
	for (size_t i = 0; i < n; i++) {
		char item[32], bin[32], order[32], barcode[32];
		struct floor_goods goods = { item, barcode, bin, order, PIECES };

		text_format(item, sizeof(item), "TEA-%zu", i);
		text_format(bin, sizeof(bin), "A-01-%zu", i);
		text_format(order, sizeof(order), "SO-%zu", 100000 + i);
		text_format(barcode, sizeof(barcode), "40123450%05zu", i);
		floor_goods(&ctl, &goods);
		h[i] = (struct handheld){ 0 };
		text_format(h[i].device, sizeof(h[i].device), "hh-%zu", i);
		floor_sign_on(f, &web, &h[i], "picker");
		begin_order(&web, &h[i]);
	}
	talk_close(&web);
	talk_close(&ctl);
}

size_t floor_scan_text(const struct handheld *h, bool web, char *out, size_t size)
{
	char at[CLOCK_TEXT_MAX], who[DOOR_NAME_MAX * 2 + 32] = "";
	int n;

	clock_text(clock_real_us(), at);
	if (!web)
		snprintf(who, sizeof(who), "\"actor\":\"%s\",\"device\":\"%s\",", h->session, h->device);
	n = snprintf(out, size,
		"{\"id\":\"%s:%lld\",\"kind\":\"scan\",%s\"at\":\"%s\",\"age_ms\":1,\"step\":%lld,\"heard\":\"%s:%lld\","
		"\"args\":{\"aim\":\"]E0\",\"data\":\"%s\"}}",
		h->origin, (long long)h->n + 1, who, at, (long long)h->step, h->origin, (long long)(h->n ? h->n : 1),
		h->barcode);
	if (n < 0 || (size_t)n >= size)
		die("scan too long");
	return (size_t)n;
}

bool floor_scan_answer(struct handheld *h, const char *text)
{
	const char *step = strstr(text, "\"step\":");

	h->n++;
	if (!step || !strstr(text, "\"code\":\"counted\""))
		return false;
	h->step = strtoll(step + strlen("\"step\":"), NULL, 10);
	return true;
}
