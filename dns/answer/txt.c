/* Writes strings of TXT records. */
#include "dns/answer/txt.h"

#include <stdarg.h>
#include <stdio.h>

#define STRING_BYTES_MAX 255 /* RFC 1035 3.3 */

void txt_put(struct writer *w, const char *format, ...)
{
	char text[STRING_BYTES_MAX + 1];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	unsigned bytes = length < 0 ? 0 : length < (int)sizeof text ? (unsigned)length : STRING_BYTES_MAX;
	writer_u8(w, bytes);
	writer_bytes(w, text, bytes);
}
