/* The page's style and script, which are files beside this one, and the policy that lets a browser take no others. */
#ifndef OBSERVE_PAGE_FILES_H
#define OBSERVE_PAGE_FILES_H

#include "base/buf.h"

#define FILES_POLICY_BYTES 400

void files_style(struct buf *out);
void files_script(struct buf *out);
/* A Content-Security-Policy (W3C CSP level 3) with the SHA-256 of both. */
void files_policy(char policy[FILES_POLICY_BYTES]);

#endif
