/* Appends to the sentence of an extended error. */
#include "dns/answer/reason_text.h"

#include <stdarg.h>
#include <stdio.h>

void reason_say(struct reply *r, const char *format, ...)
{
	size_t room = sizeof r->ede_text - r->ede_text_bytes;
	va_list args;

	va_start(args, format);
	int length = vsnprintf(r->ede_text + r->ede_text_bytes, room, format, args);
	va_end(args);
	size_t written = length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
	r->ede_text_bytes = (uint8_t)(r->ede_text_bytes + written);
	if (r->ede == EDE_NONE)
		r->ede = EDE_OTHER;
}
