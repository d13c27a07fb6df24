/* Memory for SQLite that is quick under AddressSanitizer, too: a test opens a database thousands of times, and preparing
 * its statements is nothing but small allocations. For programs with one thread, before anything else of SQLite. */
#ifndef WHARF_QUICK_MEMORY_H
#define WHARF_QUICK_MEMORY_H

void quick_memory_use(void);

#endif
