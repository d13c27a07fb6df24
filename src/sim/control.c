#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "cleanup.h"
#include "door.h"
#include "json.h"
#include "net.h"
#include "text.h"

#define ANSWER_WAIT_MS 5000
#define DELAY_MAX_MS 10000

static int socket_path(const char *run, char *out, size_t size)
{
	return text_format(out, size, "%s/sim.sock", run);
}

static json_t *refuse(const char *say)
{
	return json_pack("{s:{s:s}}", "error", "say", say);
}

static json_t *set_wan(struct world *w, const json_t *value)
{
	const char *word = json_string_value(value);
	int64_t delay_ms = json_int(value, "delay_ms");

	if (w->wan.listener < 0)
		return refuse("there is no WAN here (option --wan)");
	if (word && strcmp(word, "cut") == 0)
		wan_cut(&w->wan);
	else if (word && strcmp(word, "heal") == 0)
		wan_heal(&w->wan);
	else if (json_is_object(value) && delay_ms >= 0 && delay_ms <= DELAY_MAX_MS)
		wan_delay(&w->wan, (int)delay_ms);
	else
		return refuse("\"wan\" must be cut, heal or {\"delay_ms\":0 to 10000}");
	return json_pack("{s:b}", "ok", 1);
}

static json_t *set_printer(struct world *w, const json_t *value)
{
	const char *word = json_string_value(value);

	if (!word || (strcmp(word, "out") != 0 && strcmp(word, "ok") != 0))
		return refuse("\"printer\" must be out or ok");
	printer_set_out(&w->printer, strcmp(word, "out") == 0);
	return json_pack("{s:b}", "ok", 1);
}

json_t *control_answer(struct world *w, const json_t *message)
{
	json_t *value;

	if (json_object_size(message) != 1)
		return refuse("one JSON object with one key is needed");
	if (json_object_get(message, "status"))
		return json_pack("{s:o}", "status", world_status(w));
	if ((value = json_object_get(message, "wan")))
		return set_wan(w, value);
	if ((value = json_object_get(message, "printer")))
		return set_printer(w, value);
	if (json_object_get(message, "close_loads")) {
		w->close_loads = true;
		return json_pack("{s:b}", "ok", 1);
	}
	return refuse("unknown word");
}

static void drop(struct control_client *c)
{
	loop_remove(&c->control->world->loop, c->fd);
	close(c->fd);
	c->fd = -1;
}

static int answer_bytes(struct control_client *c, const char *bytes, size_t len)
{
	_cleanup_json_ json_t *message = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
	_cleanup_json_ json_t *answer = message ? control_answer(c->control->world, message) :
						  refuse("not JSON");
	_cleanup_free_ char *text = json_text(answer);

	return text ? door_send(c->fd, text, strlen(text)) : -ENOMEM;
}

static void on_client(void *user, short revents)
{
	static char bytes[DOOR_MESSAGE_MAX + 1];
	struct control_client *c = user;
	size_t len = 0;
	int r;

	(void)revents;
	r = door_recv(c->fd, bytes, &len);
	if (r == -EAGAIN)
		return;
	if (r <= 0 || len > CONTROL_MESSAGE_MAX || answer_bytes(c, bytes, len) < 0)
		drop(c);
}

static void on_listener(void *user, short revents)
{
	struct control *control = user;
	int fd = net_accept(control->listener);

	(void)revents;
	if (fd < 0)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *c = &control->clients[i];

		if (c->fd >= 0 || loop_add(&control->world->loop, fd, POLLIN, on_client, c) < 0)
			continue;
		c->fd = fd;
		return;
	}
	close(fd);
}

int control_open(struct control *control, struct world *world, const char *run)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int r = socket_path(run, path, sizeof(path));

	*control = (struct control){ .world = world, .listener = -1 };
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->clients[i] = (struct control_client){ .control = control, .fd = -1 };
	if (r < 0)
		return r;
	control->listener = door_listen(path, 0660);
	if (control->listener < 0)
		return control->listener;
	return loop_add(&world->loop, control->listener, POLLIN, on_listener, control);
}

void control_close(struct control *control)
{
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].control && control->clients[i].fd >= 0)
			drop(&control->clients[i]);
	if (control->listener >= 0)
		close(control->listener);
	control->listener = -1;
}

int control_ask(const char *run, json_t *take_message, json_t **ret)
{
	_cleanup_json_ json_t *message = take_message;
	_cleanup_free_ char *text = json_text(message), *bytes = malloc(DOOR_MESSAGE_MAX + 1);
	_cleanup_fd_ int fd = -1;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct pollfd wait = { .events = POLLIN };
	size_t len;
	int r = socket_path(run, path, sizeof(path));

	if (r < 0 || !text || !bytes)
		return r < 0 ? r : -ENOMEM;
	fd = door_connect(path);
	r = fd < 0 ? fd : door_send(fd, text, strlen(text));
	wait.fd = fd;
	if (r < 0)
		return r;
	if (poll(&wait, 1, ANSWER_WAIT_MS) <= 0)
		return -ETIMEDOUT;
	r = door_recv(fd, bytes, &len);
	if (r <= 0)
		return r ? r : -EPIPE;
	*ret = json_loadb(bytes, len, 0, NULL);
	return *ret ? 0 : -EPROTO;
}
