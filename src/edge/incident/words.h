// The labels of an export in both languages. (What to do next has its own sentences: steps.cc.)
#pragma once

#include <string_view>

#include "edge/incident/report.h"

namespace holdfast::incident_report {

// The label of `key` ("kind.cause"); the key itself, if there is none.
std::string_view word(std::string_view key, Language language);

}  // namespace holdfast::incident_report
