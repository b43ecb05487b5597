/* Keeps allocations in a file. */
#include "daemon/allocations_file.h"

#include "base/folder_file.h"
#include "base/log.h"
#include "watch/lab/kept.h"

static void warn(const char *folder, const char *wrong)
{
	static bool said;

	if (!said)
		log_warn("allocations: cannot keep them in %s: %s; after a restart they depend on the Services' names",
			 folder, wrong);
	said = true;
}

void allocations_wrong(const char *folder, const char *wrong)
{
	log_warn("allocations: %s/%s is not used, or not all of it: %s", folder, ALLOCATIONS_FILE, wrong);
}

char *allocations_read(const char *folder, size_t *length_bytes)
{
	const char *wrong;
	bool of_folder;
	char *text = folder_file_read(folder, ALLOCATIONS_FILE, KEPT_BYTES_MAX, length_bytes, &wrong, &of_folder);

	if (of_folder)
		warn(folder, wrong);
	else if (text == NULL && wrong != NULL)
		allocations_wrong(folder, wrong);
	return text;
}

void allocations_write(const char *folder, const char *text, size_t length_bytes)
{
	const char *wrong = folder_file_write(folder, ALLOCATIONS_FILE, text, length_bytes);

	if (wrong != NULL)
		warn(folder, wrong);
}
