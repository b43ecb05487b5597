/* Keeps the bound of the SOA serial in a file. */
#include "daemon/serial_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/folder_file.h"
#include "base/log.h"

#define NAME "dns.serial"
#define TEXT_BYTES 16

static void warn(const char *folder, const char *wrong)
{
	static bool said;

	if (!said)
		log_warn("dns: serial: cannot keep it in %s: %s; after a restart it depends on the clock", folder,
			 wrong);
	said = true;
}

/* Nothing but a number and the end of its line. */
static bool is_serial(const char *text, size_t length, uint32_t *number)
{
	char *end;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	*number = (uint32_t)value;
	return text[0] >= '0' && text[0] <= '9' && *end == '\n' && end + 1 == text + length && value <= UINT32_MAX;
}

static bool load(const char *folder, uint32_t *bound)
{
	const char *wrong;
	bool of_folder, known;
	size_t length;
	char *text = folder_file_read(folder, NAME, TEXT_BYTES, &length, &wrong, &of_folder);

	known = text != NULL && is_serial(text, length, bound);
	if (of_folder)
		warn(folder, wrong);
	else if (!known && (text != NULL || wrong != NULL))
		log_warn("dns: serial: %s/%s is ignored: %s", folder, NAME,
			 text != NULL ? NAME " does not hold a serial" : wrong);
	free(text);
	return known;
}

static void keep(void *ctx, uint32_t bound)
{
	char text[TEXT_BYTES];
	int length = snprintf(text, sizeof text, "%" PRIu32 "\n", bound);
	const char *wrong = folder_file_write(ctx, NAME, text, (size_t)length);

	if (wrong != NULL)
		warn(ctx, wrong);
}

struct serial_store serial_file_open(const char *folder)
{
	struct serial_store store = {.keep = keep, .ctx = (void *)(uintptr_t)folder};

	if (folder[0] == '\0')
		return (struct serial_store){0};
	store.known = load(folder, &store.bound);
	return store;
}
