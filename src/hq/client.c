/* The subcommands that speak to a running hub through its control socket. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hq.h"
#include "json.h"

#define ANSWER_MS 60000
#define LINE_MAX_BYTES (64 * 1024)

static int connect_hub(const struct config *config)
{
	const char *path = config_text(config, "hub", "socket");
	int fd = door_connect(path);

	if (fd < 0)
		fprintf(stderr, "wharf-hq does not answer at %s: %s\n", path, strerror(-fd));
	return fd;
}

/* Takes the question. The answer's body, or NULL with the reason said. */
static json_t *ask(int fd, json_t *question, const char *word)
{
	static char buf[DOOR_MESSAGE_MAX + 1];
	_cleanup_free_ char *text = json_text(question);
	_cleanup_json_ json_t *answer = NULL;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	size_t len;

	json_decref(question);
	if (!text || door_send(fd, text, strlen(text)) < 0 || poll(&poll_fd, 1, ANSWER_MS) <= 0 ||
		door_recv(fd, buf, &len) <= 0) {
		fputs("wharf-hq did not answer\n", stderr);
		return NULL;
	}
	answer = json_loadb(buf, len, 0, NULL);
	if (!json_object_get(answer, word)) {
		fprintf(stderr, "refused: %s\n", json_str(json_object_get(answer, "error"), "say"));
		return NULL;
	}
	return json_incref(json_object_get(answer, word));
}

static int send_line(int fd, const char *site, const char *type, const char *line, size_t number)
{
	json_error_t error;
	json_t *body = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	_cleanup_json_ json_t *sent = NULL;

	if (!body) {
		fprintf(stderr, "line %zu: %s\n", number, error.text);
		return EXIT_FAILURE;
	}
	sent = ask(fd,
		json_pack("{s:{s:s,s:s,s:o}}", "send", "site", site, "type", type, "body", body),
		"sent");
	if (!sent)
		return EXIT_FAILURE;
	printf("%lld\n", (long long)json_int(sent, "n"));
	return EXIT_SUCCESS;
}

int client_send(const struct config *config, const char *site, const char *type, const char *file)
{
	_cleanup_fd_ int fd = connect_hub(config);
	_cleanup_file_ FILE *in =
		strcmp(file, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(file, "re");
	static char line[LINE_MAX_BYTES];
	size_t number = 0;

	if (fd < 0)
		return EXIT_FAILURE;
	if (!in) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		return EXIT_FAILURE;
	}
	while (fgets(line, sizeof(line), in)) {
		number++;
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		if (send_line(fd, site, type, line, number) != EXIT_SUCCESS)
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static void print_site(const json_t *row)
{
	printf("%-16s %-8s %-10s up %lld (safe %lld)  down %lld/%lld  shipments %lld  "
	       "duplicates %lld  quarantined %lld  waiting %lld\n",
		json_str(row, "site"), json_str(row, "status"), json_str(row, "link"),
		(long long)json_int(row, "up_n"), (long long)json_int(row, "safe"),
		(long long)json_int(row, "down_acked"), (long long)json_int(row, "down_head"),
		(long long)json_int(row, "shipments"), (long long)json_int(row, "duplicates"),
		(long long)json_int(row, "quarantined"), (long long)json_int(row, "depth"));
	if (json_str(row, "refused")[0])
		printf("                 %s\n", json_str(row, "refused"));
}

int client_status(const struct config *config, bool as_json)
{
	_cleanup_fd_ int fd = connect_hub(config);
	_cleanup_json_ json_t *status = NULL;
	_cleanup_free_ char *text = NULL;
	const json_t *row;
	size_t i;

	if (fd < 0)
		return EXIT_FAILURE;
	status = ask(fd, json_pack("{s:{}}", "status"), "status");
	if (!status)
		return EXIT_FAILURE;
	if (as_json) {
		text = json_text(status);
		puts(text);
		return EXIT_SUCCESS;
	}
	json_array_foreach(json_object_get(status, "sites"), i, row) print_site(row);
	return EXIT_SUCCESS;
}

int client_backup(const struct config *config, const char *file)
{
	_cleanup_fd_ int fd = connect_hub(config);
	_cleanup_json_ json_t *done = NULL;
	char path[PATH_MAX], here[PATH_MAX];

	if (fd < 0)
		return EXIT_FAILURE;
	if (file[0] != '/' && !getcwd(here, sizeof(here)))
		return EXIT_FAILURE;
	if (text_format(path, sizeof(path), "%s%s%s", file[0] == '/' ? "" : here,
		    file[0] == '/' ? "" : "/", file) < 0)
		return EXIT_FAILURE;
	done = ask(fd, json_pack("{s:{s:s}}", "backup", "to", path), "backup");
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int client_site(const struct config *config, const char *site, const char *status)
{
	_cleanup_fd_ int fd = connect_hub(config);
	_cleanup_json_ json_t *done = NULL;

	if (fd < 0)
		return EXIT_FAILURE;
	done = ask(fd, json_pack("{s:{s:s,s:s}}", "site", "site", site, "status", status), "site");
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
