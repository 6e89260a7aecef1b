// An event as JSON, for `holdfast journal show`: every field that schema/events.fbs names, in its own words.
#pragma once

#include "core/fold/event.h"
#include "edge/http/json_out.h"

namespace holdfast::serve {

// "kind", "at", "write" and the body's fields, into an open object.
void write_event(http::JsonOut& out, const fold::Event& event);

}  // namespace holdfast::serve
