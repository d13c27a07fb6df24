/* Finds and runs the other programs of wharf. Never through a shell. */
#ifndef WHARF_PROGRAMS_H
#define WHARF_PROGRAMS_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#define PROGRAM_WORDS_MAX 32

/* The folder of the running program, from /proc/self/exe. 0 or -errno. */
int programs_own_folder(char *out, size_t size);

/* Where `name` lies: a path is taken as it is; else `folder`, then each folder of PATH.
 * 0, or -ENOENT with the name in no error text: the caller says what to do. */
int programs_find(const char *folder, const char *name, char *out, size_t size);

/* Starts path with argv (NULL at the end). `ret_stdout` (may be NULL: inherited) gets the reading end
 * of a pipe on its standard output. 0 or -errno. */
int programs_start(const char *path, const char *const *argv, pid_t *ret_pid, int *ret_stdout);

/* Waits for the end: its exit code, or 128 + signal as shells say it. */
int programs_wait(pid_t pid);

/* Splits a command at blanks into at most PROGRAM_WORDS_MAX - 1 words and a NULL; changes `command`.
 * The number of words, or -E2BIG. */
int programs_split(char *command, const char **ret_words);

#endif
