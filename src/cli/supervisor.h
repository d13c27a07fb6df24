/* Runs a list of programs in the foreground until SIGTERM or SIGINT. */
#ifndef WHARF_SUPERVISOR_H
#define WHARF_SUPERVISOR_H

struct children;

/* Starts what is due, restarts what dies, ends all in order. Writes RUN/pids/NAME for each program
 * that runs. `run` is the run folder. 0 after an ordered end, or -errno. */
int supervisor_run(struct children *children, const char *run);

#endif
