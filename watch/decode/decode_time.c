/* Times as the API server writes them. */
#include "watch/decode/decode_time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t decode_time_ms(const char *text)
{
	struct tm tm = {0};
	const char *p = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t ms = 0, scale = 100;
	int hours = 0, minutes = 0;
	char sign;

	if (p == NULL)
		return 0;
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++, scale /= 10)
			ms += (*p - '0') * scale;
	ms += (int64_t)timegm(&tm) * 1000;
	if (strcmp(p, "Z") == 0)
		return ms;
	if (sscanf(p, "%c%2d:%2d", &sign, &hours, &minutes) != 3 || (sign != '+' && sign != '-'))
		return 0;
	return ms - (sign == '+' ? 1 : -1) * (hours * 60 + minutes) * 60000LL;
}
