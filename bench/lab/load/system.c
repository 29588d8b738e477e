/* SPDX-License-Identifier: MIT */
/* Group system: what lies below the heaps, and above. Included by all.c. */

#include "guest.c"
#include "zone.c"

static const struct lab_load load_system[] = {
	{ "system/zone", zone_shared, zone_lane, zone_open, NULL, zone_step,
	    zone_leave, zone_close },
	{ "system/lua", guest_shared, NULL, guest_open, NULL, guest_step,
	    leave_nothing, guest_close },
	{ 0 },
};
