// The one way into picojson: integers stay int64 everywhere, so every unit must include it through here.
#pragma once

#ifndef PICOJSON_USE_INT64
#define PICOJSON_USE_INT64
#endif
#include <picojson.h>
