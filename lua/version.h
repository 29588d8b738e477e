/* SPDX-License-Identifier: MIT */
/* What this image calls itself; the build may add the commit. */
#ifndef LUA_VERSION_H
#define LUA_VERSION_H

#define QUARRY_VERSION "0.1"

#ifndef QUARRY_COMMIT
#define QUARRY_COMMIT ""
#endif

#endif
