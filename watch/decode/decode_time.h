/* Times as the API server writes them (RFC 3339). Pure. Any thread. */
#ifndef WATCH_DECODE_DECODE_TIME_H
#define WATCH_DECODE_DECODE_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds since 1970; 0 when `text` is NULL or no RFC 3339 time. */
int64_t decode_time_ms(const char *text);
bool decode_is_time(const char *text);

#endif
