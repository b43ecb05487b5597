/* The table of kinds. */
#include "watch/decode/kinds.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "watch/decode/decode_field.h"

#define VERSIONS_MAX (sizeof((struct kind *)0)->versions / sizeof(char *))
#define KIND_MISTAKES 2
#define VERSION_MISTAKES 3

/* Service names: RFC 1123 labels, as API servers with relaxed validation (1.34) take them. */
static const struct kind kinds[] = {
	{"Service", {"v1"}, true, name_is_label, decode_service},
	{"EndpointSlice", {"discovery.k8s.io/v1"}, true, name_is_object, decode_slice},
	{"Endpoints", {"v1"}, true, name_is_object, decode_endpoints},
	{"Namespace", {"v1"}, false, name_is_label, decode_namespace},
	{"Node", {"v1"}, false, name_is_object, decode_node},
	{"Pod", {"v1"}, true, name_is_object, decode_pod},
	{"ServiceCIDR",
	 {"networking.k8s.io/v1", "networking.k8s.io/v1beta1"},
	 false,
	 name_is_object,
	 decode_service_cidr},
	{"Deployment", {"apps/v1"}, true, name_is_object, decode_deployment},
	{"StatefulSet", {"apps/v1"}, true, name_is_object, decode_stateful_set},
	{"DaemonSet", {"apps/v1"}, true, name_is_object, decode_daemon_set},
	{"Job", {"batch/v1"}, true, name_is_object, decode_job},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static bool has_version(const struct kind *k, const char *version)
{
	for (size_t i = 0; i < VERSIONS_MAX && k->versions[i] != NULL; i++)
		if (strcmp(k->versions[i], version) == 0)
			return true;
	return false;
}

const struct kind *kind_find(const char *name, const char *version)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return has_version(&kinds[i], version) ? &kinds[i] : NULL;
	return NULL;
}

bool kind_is_workload(const char *name)
{
	for (int kind = OBJECT_KINDS; kind < OBJECT_ALL_KINDS; kind++)
		if (strcmp(object_kind_name((enum object_kind)kind), name) == 0)
			return true;
	return false;
}

bool kind_is_list(const char *name)
{
	size_t n = strlen(name);

	return n >= 4 && strcmp(name + n - 4, "List") == 0;
}

/*
 * Of Kubernetes itself, whose groups have no dot or end in .k8s.io: it has one kind of each of our names, so another
 * version or group is a mistake ("apps/v1 Service"), as is one that is mistyped. "serving.knative.dev/v1 Service" is
 * not.
 */
static bool is_near_version(const struct kind *k, const char *version)
{
	static const char own[] = ".k8s.io";
	const size_t group = strcspn(version, "/");

	if (version[group] == '\0' || memchr(version, '.', group) == NULL)
		return true;
	if (group > strlen(own) && strncmp(version + group - strlen(own), own, strlen(own)) == 0)
		return true;
	return strchr(k->versions[0], '/') != NULL &&
	       text_distance(k->versions[0], version, VERSION_MISTAKES) <= VERSION_MISTAKES;
}

enum kind_match kind_match(const char *version, const char *name, const char **meant)
{
	const struct kind *near = NULL;
	const bool any = version[0] == '\0';
	size_t best = 1 + (strlen(name) < 6 ? 1 : KIND_MISTAKES); /* "Job" is not meant to be Pod */

	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*meant = kinds[i].versions[0];
			return any || has_version(&kinds[i], version) ? KIND_OURS
			       : is_near_version(&kinds[i], version)  ? KIND_VERSION_MISTYPED
								      : KIND_UNKNOWN;
		}
		size_t distance =
			strcasecmp(kinds[i].name, name) == 0 ? 0 : text_distance(kinds[i].name, name, best - 1);
		if (distance < best && (any || has_version(&kinds[i], version))) {
			best = distance;
			near = &kinds[i];
		}
	}
	*meant = near != NULL ? near->name : NULL;
	return near != NULL ? KIND_MISTYPED : KIND_UNKNOWN;
}
