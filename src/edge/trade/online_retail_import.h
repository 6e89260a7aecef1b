// A year of Online Retail into a node's journal, every row accounted for.
//
// Shape:  two passes over the file. The first derives the catalogue and counts the rows of each invoice; what head
//         office has not listed yet is listed. The second sends each invoice as soon as its last row is read, in that
//         order. Memory is bounded by the open invoices.
// Errors: trade/bad_header: nothing was imported. trade/not_followed: the store did not get the catalogue in time.
//         Errors of Node end the import; what was taken stays, and the same import run again goes on (same keys).
// After:  a second import of the same file changes nothing: every write is answered as a duplicate.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/trade/online_retail.h"

namespace holdfast::trade {

struct RetailOptions {
  std::string refused_path;
  std::string rows_path;  // where each row went: line, kind, origin, index, position; empty: not written
  std::string vat = "S";
  std::string till_name = "online-retail";
  TillId till{9001};  // keys are known per till (protocol 8.1), so a second import must be the same till
  std::function<void(std::uint64_t rows_done, std::uint64_t rows_all)> progress;
};
struct RoundedLine {
  std::uint64_t line = 0;
  std::string invoice;
  MilliardthSum exact = 0;
  Money recorded;
};
struct RetailReport {
  std::string site;
  TillId till;
  std::uint64_t rows = 0;
  std::uint64_t rows_by_kind[row_kinds] = {};
  std::uint64_t events_by_kind[row_kinds] = {};
  std::uint64_t refused = 0;
  std::map<std::string, std::uint64_t> reasons;
  std::uint64_t duplicates = 0;     // writes that the node knew already
  std::uint64_t price_differs = 0;  // events with a line whose price is not the listed one
  std::uint64_t products_listed = 0, products_known = 0, products_refused = 0;
  MilliardthSum accepted = 0, refused_sum = 0;  // Σ quantity × unit price over rows
  Money recorded;                               // Σ of the totals that the node answered; refunds negative
  std::uint64_t totals_differ = 0;              // events whose answered total is not ours
  std::vector<RoundedLine> rounded;             // lines that are no whole number of minor units; at most 1,000
  std::uint64_t rounded_lines = 0;
  std::size_t largest_event_lines = 0;
  std::string largest_invoice;
  double seconds = 0;

  std::uint64_t rows_accounted() const;
  bool complete() const { return rows_accounted() == rows && totals_differ == 0; }
};
std::string to_text(const RetailReport& report, int currency_decimals);
std::string to_json(const RetailReport& report);

using OpenSource = std::function<Result<std::unique_ptr<ByteSource>>()>;
// head_office: where products are listed; may be the same node as store.
Result<RetailReport> import_online_retail(const OpenSource& open, Node& store, Node& head_office,
                                          const RetailOptions& options);

}  // namespace holdfast::trade
