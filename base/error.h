/*
 * Why something cannot start or be read: one line for the log, written into the caller's room of ERROR_BYTES. Functions
 * whose reasons are all constant hand out a static line instead (const char **error).
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define ERROR_BYTES 512

#endif
