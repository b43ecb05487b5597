/* Times as the API server writes them. */
#include "watch/decode/decode_time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* False: no RFC 3339 time. */
static bool time_read(const char *text, int64_t *out)
{
	struct tm tm = {0};
	const char *p = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t ms = 0, scale = 100;
	int hours = 0, minutes = 0, taken = 0;
	char sign;

	if (p == NULL)
		return false;
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++, scale /= 10)
			ms += (*p - '0') * scale;
	ms += (int64_t)timegm(&tm) * 1000;
	*out = ms;
	if (strcmp(p, "Z") == 0)
		return true;
	if (sscanf(p, "%c%2d:%2d%n", &sign, &hours, &minutes, &taken) != 3 || (sign != '+' && sign != '-') ||
	    p[taken] != '\0')
		return false;
	*out -= (sign == '+' ? 1 : -1) * (hours * 60 + minutes) * 60000LL;
	return true;
}

int64_t decode_time_ms(const char *text)
{
	int64_t ms;

	return time_read(text, &ms) ? ms : 0;
}

bool decode_is_time(const char *text)
{
	int64_t ms;

	return time_read(text, &ms);
}
