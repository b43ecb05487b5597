/* Publishes names with fixed addresses to the readers. */
#include "dns/zone/table.h"
#include "dns/zone/zone.h"

void zone_hosts_set(struct zone *z, struct static_names *names)
{
	rcu_writer_begin();
	rcu_defer(static_names_free, atomic_exchange_explicit(&z->hosts, names, memory_order_acq_rel));
	rcu_writer_end();
}

void zone_lan_set(struct zone *z, struct static_names *names)
{
	rcu_writer_begin();
	rcu_defer(static_names_free, atomic_exchange_explicit(&z->lan_names, names, memory_order_acq_rel));
	table_serial_move(z);
	rcu_writer_end();
}

const struct static_names *zone_hosts(const struct zone *z)
{
	return table_hosts(z);
}

const struct name *zone_lan(const struct zone *z)
{
	return &z->lan;
}

bool zone_is_complete(const struct zone *z)
{
	return atomic_load_explicit(&((struct zone *)z)->complete, memory_order_relaxed);
}

const struct name *zone_domain(const struct zone *z)
{
	return &z->domain;
}
