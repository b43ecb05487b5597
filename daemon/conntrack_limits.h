/*
 * The conntrack limits and time-outs that kube-proxy sets, by the flags of its names (--conntrack-…): written once at
 * start where /proc/sys can be written, and only those that are asked for. Main thread.
 */
#ifndef DAEMON_CONNTRACK_LIMITS_H
#define DAEMON_CONNTRACK_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct conntrack_limits {	   /* what the flags say */
	int64_t max_per_core, min; /* -1: not given; with the other one given kube-proxy's 32768 and 131072 */
	int64_t tcp_established_ms, tcp_close_wait_ms, udp_ms, udp_stream_ms; /* 0: leave as it is */
	bool tcp_be_liberal;
};

/* What nf_conntrack_max becomes on a machine of so many CPUs, as in kube-proxy; 0: stays as it is. */
int64_t conntrack_limits_max(const struct conntrack_limits *l, int64_t cpus);
/* root: "" for the real /proc and /sys, another folder in tests. What cannot be written is one warning each. */
void conntrack_limits_apply(const struct conntrack_limits *l, const char *root, int64_t cpus);

#endif
