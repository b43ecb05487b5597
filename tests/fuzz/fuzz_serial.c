/* Any bytes as the file of the SOA serial: a bound that was read is what the file says, and is kept as the same. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/serial_file.h"
#include "tests/fuzz/quiet_log.h"
#include "tests/tempfolder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[TEMPFOLDER_BYTES];

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void remove_folder(void)
{
	tempfolder_free(folder);
}

static void file_write(const uint8_t *data, size_t size)
{
	char path[TEMPFOLDER_BYTES + sizeof "/dns.serial"];

	snprintf(path, sizeof path, "%s/dns.serial", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[16];

	if (folder[0] == '\0') {
		tempfolder_new(folder, "serial");
		atexit(remove_folder);
	}
	file_write(data, size);
	const struct serial_store first = serial_file_open(folder);
	if (!first.known)
		return 0;
	must(size > 1 && data[size - 1] == '\n' && memchr(data, '\0', size) == NULL);
	const int length = snprintf(text, sizeof text, "%" PRIu32 "\n", first.bound);
	must((size_t)length <= size && memcmp(data + size - (size_t)length, text, (size_t)length) == 0);
	first.keep(first.ctx, first.bound);
	const struct serial_store again = serial_file_open(folder);
	must(again.known && again.bound == first.bound);
	return 0;
}
