/* Keeps the bound of the SOA serial in a file. */
#include "daemon/serial_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/folder.h"
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

/* NULL, or why there is no number. */
static const char *number_read(int fd, uint32_t *number)
{
	char text[TEXT_BYTES] = "", *end;
	const char *wrong = folder_file_wrong(fd);

	if (wrong != NULL)
		return wrong;
	if (read(fd, text, sizeof text - 1) < 0)
		return strerror(errno);
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\n' || value > UINT32_MAX)
		return NAME " does not hold a serial";
	*number = (uint32_t)value;
	return NULL;
}

static bool load(const char *folder, uint32_t *bound)
{
	const char *wrong = NULL;
	int folder_fd = folder_open(folder, 0700, false, &wrong);

	if (folder_fd < 0) {
		warn(folder, wrong);
		return false;
	}
	/* Not a link, and a FIFO that was put there does not make us wait. */
	int fd = openat(folder_fd, NAME, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	bool absent = fd < 0 && errno == ENOENT;
	wrong = fd < 0 ? strerror(errno) : number_read(fd, bound);
	if (wrong != NULL && !absent)
		log_warn("dns: serial: %s/%s is ignored: %s", folder, NAME, wrong);
	if (fd >= 0)
		close(fd);
	close(folder_fd);
	return wrong == NULL;
}

static bool number_write(int folder_fd, uint32_t number)
{
	char text[TEXT_BYTES];
	int length = snprintf(text, sizeof text, "%" PRIu32 "\n", number);

	if (unlinkat(folder_fd, NAME ".tmp", 0) != 0 && errno != ENOENT)
		return false;
	int fd = openat(folder_fd, NAME ".tmp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	bool ok = write(fd, text, (size_t)length) == length;
	ok = close(fd) == 0 && ok;
	return ok && renameat(folder_fd, NAME ".tmp", folder_fd, NAME) == 0;
}

static void keep(void *ctx, uint32_t bound)
{
	const char *wrong = NULL;
	int folder_fd = folder_open(ctx, 0700, false, &wrong);

	if (folder_fd < 0) {
		warn(ctx, wrong);
		return;
	}
	if (!number_write(folder_fd, bound))
		warn(ctx, strerror(errno));
	close(folder_fd);
}

struct serial_store serial_file_open(const char *folder)
{
	struct serial_store store = {.keep = keep, .ctx = (void *)(uintptr_t)folder};

	if (folder[0] == '\0')
		return (struct serial_store){0};
	store.known = load(folder, &store.bound);
	return store;
}
