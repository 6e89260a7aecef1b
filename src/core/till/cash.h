// How much cash one sale or refund moves. Cash leaves no second record, so who has few witnesses takes in and pays out
// little of it: a machine that is not registered yet, and a till alone.
//
// Source: protocol 5.5, 6.2.
#pragma once

#include <cstdint>
#include <vector>

#include "core/till/till.h"

namespace holdfast::till {

// In whole units of the currency, a sale or refund. Its decimals are all that is known here of what a unit is worth: a
// yen or won has none and is worth about a hundredth of a pound, a dinar of three is worth two or three. A bound in the
// chain file would be better. The till's page has the same numbers (web/src/till/alone.ts).
inline constexpr std::int64_t unwitnessed_cash_max(int decimals) {
  if (decimals == 0) return 50'000;
  return decimals >= 3 ? 200 : 500;
}

// More than that, what is given back as change taken off.
inline bool moves_much_cash(const std::vector<Tender>& tenders, Money change, int decimals) {
  std::int64_t most = unwitnessed_cash_max(decimals);
  for (int i = 0; i < decimals; ++i) most *= 10;
  std::int64_t cash = -change.minor;
  for (const Tender& tender : tenders)
    if (tender.kind == TenderKind::cash && tender.amount.minor < INT64_MAX / 64) cash += tender.amount.minor;
  return cash > most;
}

}  // namespace holdfast::till
