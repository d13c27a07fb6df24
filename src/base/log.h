/* The log: one line per fact on stderr, with a journal priority where systemd reads it.
 * Write key=value tails (device=s1 seq=42). No secrets, no customer data. */
#ifndef WHARF_LOG_H
#define WHARF_LOG_H

#include <syslog.h>

/* Names the program in each line; lines above `priority_max` (LOG_DEBUG = all) are dropped. */
void log_open(const char *program, int priority_max);

void log_write(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
