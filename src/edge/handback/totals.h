// Control totals of a handback by day, VAT rate and tender, and what people read of it.
//
// Shape:  control-totals.csv: day, total, code, amount, reported; a person types the old system's figures into the last
//         column and gives the file to `holdfast handback confirm`. Amounts in the major unit with its decimals.
// Errors: handback/bad_totals: which line, why.
#pragma once

#include <string>

#include "core/standby/standby.h"
#include "edge/handback/trade.h"

namespace holdfast::handback {

std::int64_t day_of(Instant at, int utc_offset_minutes);
std::string day_text(std::int64_t day);                            // "2026-11-25"; all_days: "all"
std::optional<std::int64_t> day_from_text(std::string_view text);  // and "all"

standby::Totals totals_of(const Gathered& gathered, int utc_offset_minutes);
// Of a key, an amount as people write it: numbers as they are, amounts with decimals.
std::string amount_text(const standby::TotalKey& key, std::int64_t amount, int decimals);
Result<std::int64_t> amount_from_text(const standby::TotalKey& key, std::string_view text, int decimals);

std::string control_totals_csv(const standby::Totals& totals, int decimals);
// With `ours`, the handback's own by day: a file whose column amount says otherwise is of another handback, and
// refused.
Result<standby::Totals> reported_from_csv(const std::string& path, int decimals, const standby::Totals* ours = nullptr);

// For people: what it is, what it holds, what came late, by which the files are known.
std::string summary_text(const Gathered& gathered, const standby::MakeHandback& made, int utc_offset_minutes,
                         const std::vector<std::string>& remarks);

}  // namespace holdfast::handback
