// The files of a handback, each as text: the same trade and settings give the same bytes (`writer_version`).
//
// Shape:  rows stand in the order of the journal. A row's id is that of the write, so it is the same in whichever
//         handback it stands.
// Source: Shopify's order, transaction and inventory exports (their headers, 2024); Odoo's import of account.move with
//         line_ids and of stock.move, by external id, field names as headers.
#pragma once

#include <string>
#include <vector>

#include "edge/handback/settings.h"
#include "edge/handback/trade.h"

namespace holdfast::handback {

inline constexpr std::uint32_t writer_version = 3;

std::string shopify_orders(const Gathered& trade, const Settings& settings);
std::string shopify_transactions(const Gathered& trade, const Settings& settings);
// Levels after the range, of products whose level was known before; left_out: SKUs that moved and are not in it.
std::string shopify_inventory(const Gathered& trade, const Settings& settings, std::vector<std::string>& left_out);
// One entry a sale or refund; debit = credit in each.
std::string odoo_entries(const Gathered& trade, const Settings& settings);
std::string odoo_moves(const Gathered& trade, const Settings& settings);
std::string mapped(const Gathered& trade, const Settings& settings, const MappedFile& file);

// ---- shared
std::string odoo_time(Instant at);                             // "2026-11-25 14:03:05", UTC
std::string shopify_time(Instant at, int utc_offset_minutes);  // "2026-11-25 15:03:05 +0100"
std::string percent(std::int64_t vat_millionths);              // "20", "5.5"

}  // namespace holdfast::handback
