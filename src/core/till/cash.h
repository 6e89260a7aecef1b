// How much cash one sale or refund moves. Cash leaves no second record, so who has few witnesses takes in and pays out
// little of it: a machine that is not registered yet, and a till alone.
//
// Source: protocol 5.5, 6.2.
#pragma once

#include <cstdint>
#include <vector>

#include "core/till/till.h"

namespace holdfast::till {

// More than `most` whole units of the currency, what is given back as change taken off.
inline bool moves_more_cash(const std::vector<Tender>& tenders, Money change, std::int64_t most, int decimals) {
  for (int i = 0; i < decimals; ++i) most *= 10;
  std::int64_t cash = -change.minor;
  for (const Tender& tender : tenders)
    if (tender.kind == TenderKind::cash && tender.amount.minor < INT64_MAX / 64) cash += tender.amount.minor;
  return cash > most;
}

}  // namespace holdfast::till
