/* The tables of fields: k8s.io/api core/v1, discovery/v1, networking/v1 and apimachinery meta/v1. */
#include "watch/decode/schema.h"

#include <stddef.h>
#include <string.h>

#define ANY(name)                      \
	{                              \
		name, SCHEMA_ANY, NULL \
	}
#define STRING(name)                      \
	{                                 \
		name, SCHEMA_STRING, NULL \
	}
#define BOOL(name)                      \
	{                               \
		name, SCHEMA_BOOL, NULL \
	}
#define INTEGER(name)                      \
	{                                  \
		name, SCHEMA_INTEGER, NULL \
	}
#define INT_OR_STRING(name)                      \
	{                                        \
		name, SCHEMA_INT_OR_STRING, NULL \
	}
#define TIME(name)                      \
	{                               \
		name, SCHEMA_TIME, NULL \
	}
#define STRINGS(name)                      \
	{                                  \
		name, SCHEMA_STRINGS, NULL \
	}
#define STRING_MAP(name)                      \
	{                                     \
		name, SCHEMA_STRING_MAP, NULL \
	}
#define MAP(name, fields)                \
	{                                \
		name, SCHEMA_MAP, fields \
	}
#define LIST(name, fields)                \
	{                                 \
		name, SCHEMA_LIST, fields \
	}
#define END                            \
	{                              \
		NULL, SCHEMA_ANY, NULL \
	}

/* ---- all kinds ---- */

static const struct schema owner_fields[] = {STRING("apiVersion"),
					     STRING("kind"),
					     STRING("name"),
					     STRING("uid"),
					     BOOL("controller"),
					     BOOL("blockOwnerDeletion"),
					     END};
static const struct schema managed_fields[] = {
	STRING("manager"),    STRING("operation"), STRING("apiVersion"),  TIME("time"),
	STRING("fieldsType"), ANY("fieldsV1"),	   STRING("subresource"), END};
static const struct schema meta_fields[] = {STRING("name"),
					    STRING("generateName"),
					    STRING("namespace"),
					    STRING("selfLink"),
					    STRING("uid"),
					    STRING("resourceVersion"),
					    INTEGER("generation"),
					    TIME("creationTimestamp"),
					    TIME("deletionTimestamp"),
					    INTEGER("deletionGracePeriodSeconds"),
					    STRING_MAP("labels"),
					    STRING_MAP("annotations"),
					    LIST("ownerReferences", owner_fields),
					    STRINGS("finalizers"),
					    LIST("managedFields", managed_fields),
					    END};
static const struct schema condition_fields[] = {STRING("type"),
						 STRING("status"),
						 INTEGER("observedGeneration"),
						 TIME("lastTransitionTime"),
						 STRING("reason"),
						 STRING("message"),
						 END};
static const struct schema reference_fields[] = {
	STRING("kind"),	      STRING("namespace"),	 STRING("name"),      STRING("uid"),
	STRING("apiVersion"), STRING("resourceVersion"), STRING("fieldPath"), END};

#define HEAD STRING("apiVersion"), STRING("kind"), MAP("metadata", meta_fields)

/* ---- Service ---- */

static const struct schema service_port_fields[] = {STRING("name"),
						    STRING("protocol"),
						    STRING("appProtocol"),
						    INTEGER("port"),
						    INT_OR_STRING("targetPort"),
						    INTEGER("nodePort"),
						    END};
static const struct schema client_ip_fields[] = {INTEGER("timeoutSeconds"), END};
static const struct schema affinity_fields[] = {MAP("clientIP", client_ip_fields), END};
static const struct schema service_spec_fields[] = {LIST("ports", service_port_fields),
						    STRING_MAP("selector"),
						    STRING("clusterIP"),
						    STRINGS("clusterIPs"),
						    STRING("type"),
						    STRINGS("externalIPs"),
						    STRING("sessionAffinity"),
						    STRING("loadBalancerIP"),
						    STRINGS("loadBalancerSourceRanges"),
						    STRING("externalName"),
						    STRING("externalTrafficPolicy"),
						    INTEGER("healthCheckNodePort"),
						    BOOL("publishNotReadyAddresses"),
						    MAP("sessionAffinityConfig", affinity_fields),
						    STRINGS("ipFamilies"),
						    STRING("ipFamilyPolicy"),
						    BOOL("allocateLoadBalancerNodePorts"),
						    STRING("loadBalancerClass"),
						    STRING("internalTrafficPolicy"),
						    STRING("trafficDistribution"),
						    END};
static const struct schema port_status_fields[] = {INTEGER("port"), STRING("protocol"), STRING("error"), END};
static const struct schema ingress_fields[] = {STRING("ip"), STRING("hostname"), STRING("ipMode"),
					       LIST("ports", port_status_fields), END};
static const struct schema balancer_fields[] = {LIST("ingress", ingress_fields), END};
static const struct schema service_status_fields[] = {MAP("loadBalancer", balancer_fields),
						      LIST("conditions", condition_fields), END};
static const struct schema service_fields[] = {HEAD, MAP("spec", service_spec_fields),
					       MAP("status", service_status_fields), END};

/* ---- EndpointSlice, Endpoints ---- */

static const struct schema slice_port_fields[] = {STRING("name"), STRING("protocol"), INTEGER("port"),
						  STRING("appProtocol"), END};
static const struct schema slice_condition_fields[] = {BOOL("ready"), BOOL("serving"), BOOL("terminating"), END};
static const struct schema hint_fields[] = {STRING("name"), END};
static const struct schema hints_fields[] = {LIST("forZones", hint_fields), LIST("forNodes", hint_fields), END};
static const struct schema endpoint_fields[] = {STRINGS("addresses"),
						MAP("conditions", slice_condition_fields),
						STRING("hostname"),
						MAP("targetRef", reference_fields),
						STRING_MAP("deprecatedTopology"),
						STRING("nodeName"),
						STRING("zone"),
						MAP("hints", hints_fields),
						END};
static const struct schema slice_fields[] = {HEAD, STRING("addressType"), LIST("endpoints", endpoint_fields),
					     LIST("ports", slice_port_fields), END};

static const struct schema subset_address_fields[] = {STRING("ip"), STRING("hostname"), STRING("nodeName"),
						      MAP("targetRef", reference_fields), END};
static const struct schema subset_fields[] = {LIST("addresses", subset_address_fields),
					      LIST("notReadyAddresses", subset_address_fields),
					      LIST("ports", slice_port_fields), END};
static const struct schema endpoints_fields[] = {HEAD, LIST("subsets", subset_fields), END};

/* ---- the small kinds: spec and status of Node and Pod by name, deeper only where something is read ---- */

static const struct schema namespace_spec_fields[] = {STRINGS("finalizers"), END};
static const struct schema namespace_status_fields[] = {STRING("phase"), LIST("conditions", condition_fields), END};
static const struct schema namespace_fields[] = {HEAD, MAP("spec", namespace_spec_fields),
						 MAP("status", namespace_status_fields), END};

static const struct schema cidr_spec_fields[] = {STRINGS("cidrs"), END};
static const struct schema cidr_status_fields[] = {LIST("conditions", condition_fields), END};
static const struct schema cidr_fields[] = {HEAD, MAP("spec", cidr_spec_fields), MAP("status", cidr_status_fields),
					    END};

static const struct schema taint_fields[] = {STRING("key"), STRING("value"), STRING("effect"), STRING("timeAdded"),
					     END};
static const struct schema node_spec_fields[] = {STRING("podCIDR"),
						 STRINGS("podCIDRs"),
						 STRING("providerID"),
						 BOOL("unschedulable"),
						 LIST("taints", taint_fields),
						 ANY("configSource"),
						 STRING("externalID"),
						 END};
static const struct schema node_address_fields[] = {STRING("type"), STRING("address"), END};
static const struct schema node_status_fields[] = {ANY("capacity"),
						   ANY("allocatable"),
						   STRING("phase"),
						   ANY("conditions"),
						   LIST("addresses", node_address_fields),
						   ANY("daemonEndpoints"),
						   ANY("nodeInfo"),
						   ANY("images"),
						   STRINGS("volumesInUse"),
						   ANY("volumesAttached"),
						   ANY("config"),
						   ANY("runtimeHandlers"),
						   ANY("features"),
						   STRINGS("declaredFeatures"),
						   END};
static const struct schema node_fields[] = {HEAD, MAP("spec", node_spec_fields), MAP("status", node_status_fields),
					    END};

static const struct schema pod_spec_fields[] = {ANY("volumes"),
						ANY("initContainers"),
						ANY("containers"),
						ANY("ephemeralContainers"),
						STRING("restartPolicy"),
						INTEGER("terminationGracePeriodSeconds"),
						INTEGER("activeDeadlineSeconds"),
						STRING("dnsPolicy"),
						STRING_MAP("nodeSelector"),
						STRING("serviceAccountName"),
						STRING("serviceAccount"),
						BOOL("automountServiceAccountToken"),
						STRING("nodeName"),
						BOOL("hostNetwork"),
						BOOL("hostPID"),
						BOOL("hostIPC"),
						BOOL("shareProcessNamespace"),
						ANY("securityContext"),
						ANY("imagePullSecrets"),
						STRING("hostname"),
						STRING("subdomain"),
						ANY("affinity"),
						STRING("schedulerName"),
						ANY("tolerations"),
						ANY("hostAliases"),
						STRING("priorityClassName"),
						INTEGER("priority"),
						ANY("dnsConfig"),
						ANY("readinessGates"),
						STRING("runtimeClassName"),
						BOOL("enableServiceLinks"),
						STRING("preemptionPolicy"),
						ANY("overhead"),
						ANY("topologySpreadConstraints"),
						BOOL("setHostnameAsFQDN"),
						ANY("os"),
						BOOL("hostUsers"),
						ANY("schedulingGates"),
						ANY("resourceClaims"),
						ANY("resources"),
						STRING("hostnameOverride"),
						ANY("workloadRef"),
						END};
static const struct schema pod_ip_fields[] = {STRING("ip"), END};
static const struct schema pod_status_fields[] = {INTEGER("observedGeneration"),
						  STRING("phase"),
						  ANY("conditions"),
						  STRING("message"),
						  STRING("reason"),
						  STRING("nominatedNodeName"),
						  STRING("hostIP"),
						  LIST("hostIPs", pod_ip_fields),
						  STRING("podIP"),
						  LIST("podIPs", pod_ip_fields),
						  TIME("startTime"),
						  ANY("initContainerStatuses"),
						  ANY("containerStatuses"),
						  STRING("qosClass"),
						  ANY("ephemeralContainerStatuses"),
						  STRING("resize"),
						  ANY("resourceClaimStatuses"),
						  ANY("extendedResourceClaimStatus"),
						  ANY("allocatedResources"),
						  ANY("resources"),
						  END};
static const struct schema pod_fields[] = {HEAD, MAP("spec", pod_spec_fields), MAP("status", pod_status_fields), END};

/* Nothing is started here: only the labels of its pods are looked at. */
static const struct schema workload_fields[] = {HEAD, ANY("spec"), ANY("status"), END};

/* ---- lists ---- */

static const struct schema list_meta_fields[] = {STRING("selfLink"), STRING("resourceVersion"), STRING("continue"),
						 INTEGER("remainingItemCount"), END};
const struct schema schema_list[] = {STRING("apiVersion"), STRING("kind"), MAP("metadata", list_meta_fields),
				     ANY("items"), END};

const struct schema *schema_of(const char *kind)
{
	static const struct {
		const char *kind;
		const struct schema *fields;
	} all[] = {
		{"Service", service_fields},	 {"EndpointSlice", slice_fields}, {"Endpoints", endpoints_fields},
		{"Namespace", namespace_fields}, {"Node", node_fields},		  {"Pod", pod_fields},
		{"ServiceCIDR", cidr_fields},	 {"Deployment", workload_fields}, {"StatefulSet", workload_fields},
		{"DaemonSet", workload_fields},	 {"Job", workload_fields},
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (strcmp(all[i].kind, kind) == 0)
			return all[i].fields;
	return NULL;
}
