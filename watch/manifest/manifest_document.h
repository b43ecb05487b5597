/*
 * The documents of one manifest file: those whose bytes were there before keep what they define, the others are
 * decoded. Part of watch/manifest/manifest_file.c's work.
 */
#ifndef WATCH_MANIFEST_MANIFEST_DOCUMENT_H
#define WATCH_MANIFEST_MANIFEST_DOCUMENT_H

#include "watch/manifest/manifest_loader.h"

/* Makes f->documents those of the new bytes; returns, linked by next and marked gone, those that are no more. */
struct document *documents_read(struct loader *l, struct file *f, const char *bytes, size_t length_bytes);
/* Decodes a document of the file once more, into any sink. False: its bytes are not there any more. */
bool document_parse(struct loader *l, const struct document *d, const char *file_bytes, const struct decode_sink *sink);

#endif
