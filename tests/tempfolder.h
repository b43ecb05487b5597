/* Folders of a test program or bench, below $TMPDIR or /tmp as mktemp(1) has it. Any failure ends the program. */
#ifndef TESTS_TEMPFOLDER_H
#define TESTS_TEMPFOLDER_H

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define TEMPFOLDER_BYTES 128
#define TEMPFOLDER_FORM "%s/fairlead-%s-XXXXXX" /* mkdtemp(3) */

/* Makes a folder of its own; `kind` is for who looks at it. Returns path. */
static inline const char *tempfolder_new(char path[TEMPFOLDER_BYTES], const char *kind)
{
	const char *below = getenv("TMPDIR");
	int length;

	if (below == NULL || below[0] == '\0')
		below = "/tmp";
	length = snprintf(path, TEMPFOLDER_BYTES, TEMPFOLDER_FORM, below, kind);
	if (length >= TEMPFOLDER_BYTES)
		fatalx("TMPDIR %s: too long", below);
	if (mkdtemp(path) == NULL)
		fatal("%s", path);
	return path;
}

/* With all that is in it. */
static inline void tempfolder_free(const char *path)
{
	char command[TEMPFOLDER_BYTES + 16];

	snprintf(command, sizeof command, "rm -rf '%s'", path);
	if (system(command) != 0)
		fatalx("%s: cannot be removed", path);
}

#endif
