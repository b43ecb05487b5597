/* Announces addresses of Services on a network: what happens when. */
#include "daemon/announce_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon_private.h"
#include "daemon/hand_over.h"
#include "netlink/announcement.h"
#include "netlink/neighbour_question.h"
#include "netlink/netlink.h"
#include "netlink/proxy_neighbours.h"

#define REST_S 0.01	/* many Services come at once */
#define STARTING_S 0.05 /* until the first full sync is in the kernel */
#define SETTLE_S 0.1	/* an interface comes with many messages */
#define LOOK_S 30.0	/* other programs remove routes, sysctls change */
#define TICK_MAX 64	/* addresses; then others have a turn */
#define TICK_REST_MS 5

static void wait_for(const struct announce *a, struct ev_timer *timer, double s)
{
	ev_now_update(a->d->loop);
	ev_timer_stop(a->d->loop, timer);
	ev_timer_set(timer, s, 0.);
	ev_timer_start(a->d->loop, timer);
}

/* Sooner than it would be anyway. */
static void look_in(struct announce *a, double s)
{
	if (!ev_is_active(&a->rest) || ev_timer_remaining(a->d->loop, &a->rest) > s)
		wait_for(a, &a->rest, s);
}

/* ---- what is wanted ---- */

static const char *why_waiting(const struct lan_interface *lan)
{
	if (lan->link.interface == 0)
		return "no such interface";
	if (lan->link.master != 0)
		return "it belongs to a bridge, bond or VRF: name that one";
	if (!lan->link.up)
		return "it is down";
	if (!lan->link.ethernet)
		return "no Ethernet: nothing asks for addresses there";
	return lan->network_count == 0 ? "it has no address" : NULL;
}

/* What the network knew may be wrong now: another interface, or the same at another switch port. */
static bool is_anew(const struct rt_link *before, const struct rt_link *now)
{
	return before->interface != now->interface || memcmp(before->mac, now->mac, sizeof now->mac) != 0 ||
	       (!before->carrier && now->carrier);
}

static bool interface_look(struct announce *a)
{
	struct lan_interface lan;
	const char *before = a->waiting;

	int error = lan_interface_read(a->asking, a->interface, &lan);
	if (error != 0) {
		log_warn("announce: %s: %s", a->interface, strerror(-error));
		return false;
	}
	const bool anew = is_anew(&a->lan.link, &lan.link);
	a->lan = lan;
	a->waiting = why_waiting(&lan);
	announce_log_interface(a, before);
	if (anew && a->waiting == NULL) {
		proxy_neighbours_hurry(a->asking, lan.link.interface); /* slower without, and no less right */
		announce_book_again(&a->book, clock_ms());
	}
	return true;
}

static const struct service **services_list(const struct store *store, size_t *count)
{
	const struct service **services = NULL;
	const struct store_service *s;
	size_t room = 0, at = 0;

	*count = 0;
	while ((s = store_next_service(store, &at)) != NULL)
		if (s->current != NULL) {
			services = mem_grow(services, *count, &room, sizeof *services);
			services[(*count)++] = s->current;
		}
	return services;
}

static void wishes_look(struct announce *a)
{
	struct announce_wish *before = a->wishes;
	const size_t before_count = a->wish_count;
	struct announce_input in = {.networks = a->lan.networks,
				    .network_count = a->lan.network_count,
				    .unable = {a->unable[0] != NULL, a->unable[1] != NULL}};

	in.services = services_list(a->d->store, &in.service_count);
	in.host = hostaddr_list(a->d->host, &in.host_count);
	in.routers = hostaddr_routers(a->d->host, &in.router_count);
	a->wishes = announce_plan(&in, &a->wish_count);
	if (a->waiting == NULL)
		announce_log_wishes(a, before, before_count);
	free(before);
	free(in.services);
}

static void book_look(struct announce *a)
{
	struct addr *wanted = mem_array(a->wish_count + 1, sizeof *wanted);
	size_t count = 0, present_count;
	struct addr *present = announce_kernel_present(a, &present_count);

	for (size_t i = 0; i < a->wish_count; i++)
		if (a->waiting == NULL && a->wishes[i].fault == ANNOUNCE_FINE)
			wanted[count++] = a->wishes[i].addr;
	announce_book_set(&a->book, wanted, count, present, present_count, clock_ms());
	free(wanted);
	free(present);
}

/* ---- what is due ---- */

static void act_answer(struct announce *a, struct announced *one, uint64_t now_ms)
{
	uint8_t mac[MAC_BYTES];
	enum neighbour_answer answer = neighbour_answer(a->asking, a->lan.link.interface, &one->addr, mac);

	if (answer == NEIGHBOUR_PRESENT) {
		if (announced_taken(one, mac, now_ms))
			announce_log_taken(a, one);
		return;
	}
	if (answer == NEIGHBOUR_ABSENT)
		announced_ours(one, now_ms);
	else if (!announced_silent(one, now_ms))
		return;
	neighbour_forget(a->asking, a->lan.link.interface, &one->addr);
	one->was_taken = false;
	a->stale = true;
}

/* Without a cable the question would not be heard, and silence no answer. */
static void act_ask(const struct announce *a, struct announced *one, uint64_t now_ms)
{
	if (!a->lan.link.carrier) {
		announced_wait(one, now_ms);
		return;
	}
	neighbour_ask(a->asking, a->lan.link.interface, &one->addr); /* failed: as if absent */
	announced_ask(one, now_ms);
}

static void act(struct announce *a, struct announced *one, uint64_t now_ms)
{
	switch ((enum announced_state)one->state) {
	case ANNOUNCED_NEW:
	case ANNOUNCED_TAKEN:
		act_ask(a, one, now_ms);
		break;
	case ANNOUNCED_ASKED:
		act_answer(a, one, now_ms);
		break;
	case ANNOUNCED_OURS:
		if (a->packets >= 0 &&
		    announcement_send(a->packets, a->lan.link.interface, &one->addr, a->lan.link.mac) == 0)
			a->told++;
		announced_told(one, now_ms);
		break;
	}
}

static void tick(struct announce *a)
{
	const uint64_t now_ms = clock_ms();
	uint64_t wait_ms;
	struct announced *one;
	int done = 0;

	while ((one = announce_book_due(&a->book, now_ms, &wait_ms)) != NULL && done++ < TICK_MAX)
		act(a, one, now_ms);
	if (one != NULL)
		wait_ms = TICK_REST_MS;
	if (a->stale) {
		announce_kernel_set(a);
		announce_log_ours(a);
	}
	if (wait_ms != ANNOUNCE_IDLE)
		wait_for(a, &a->tick, (double)wait_ms / 1000);
}

static void look(struct announce *a)
{
	const char *const before[2] = {a->unable[0], a->unable[1]};
	const bool stayed = a->stays;

	wait_for(a, &a->rest, LOOK_S);
	if (!interface_look(a))
		return;
	if (a->waiting == NULL) {
		announce_kernel_look(a);
		announce_log_unable(a, before, stayed);
	}
	wishes_look(a);
	book_look(a);
	announce_kernel_set(a);
	announce_log_ours(a);
	tick(a);
}

/* ---- events ---- */

static void on_rested(struct ev_loop *loop, ev_timer *w, int events)
{
	struct announce *a = w->data;

	(void)loop, (void)events;
	if (hand_over_is_held(a->d) || !sync_stats(a->d->sync)->done)
		wait_for(a, &a->rest, STARTING_S);
	else
		look(a);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct announce *a = w->data;

	(void)loop, (void)events;
	if (!hand_over_is_held(a->d))
		tick(a);
}

static void on_heard(struct ev_loop *loop, ev_io *w, int events)
{
	struct announce *a = w->data;

	(void)loop, (void)events;
	if (lan_interface_heard(a->listening))
		look_in(a, SETTLE_S);
}

void announce_changed(struct announce *a)
{
	if (a != NULL)
		look_in(a, REST_S);
}

void announce_published(struct announce *a, const struct service *prev, const struct service *next)
{
	if (a != NULL && announce_digest(prev) != announce_digest(next))
		announce_changed(a);
}

/* ---- start and end ---- */

static void remove_left_over(void)
{
	size_t removed = 0;
	int error = announce_remove_all(&removed);

	if (removed > 0)
		log_notice("announce: %zu address%s of an earlier --announce removed", removed,
			   removed == 1 ? "" : "es");
	if (error != 0)
		log_warn("announce: what an earlier process left: %s", strerror(-error));
}

struct announce *announce_open(struct daemon *d)
{
	if (d->config->announce == NULL) {
		if (!d->config->no_proxy)
			remove_left_over();
		return NULL;
	}
	struct announce *a = mem_alloc(sizeof *a);
	*a = (struct announce){.d = d, .interface = d->config->announce};
	if (!announce_kernel_open(a))
		fatalx("--announce: no rtnetlink socket");
	ev_init(&a->rest, on_rested);
	ev_init(&a->tick, on_tick);
	ev_io_init(&a->heard, on_heard, mnl_socket_get_fd(a->listening), EV_READ);
	a->rest.data = a->tick.data = a->heard.data = a;
	ev_io_start(d->loop, &a->heard);
	look_in(a, STARTING_S);
	return a;
}

void announce_close(struct announce *a)
{
	if (a == NULL)
		return;
	ev_io_stop(a->d->loop, &a->heard);
	ev_timer_stop(a->d->loop, &a->rest);
	ev_timer_stop(a->d->loop, &a->tick);
	announce_kernel_close(a);
	announce_book_fini(&a->book);
	free(a->wishes);
	free(a);
}
