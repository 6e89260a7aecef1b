// What every till event must be, whoever wrote it: decide() makes no other, and from a peer or a disk nothing else is
// taken.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/till/till.h"

namespace holdfast::till {
namespace {

constexpr std::string_view bad_tender = "till/bad_tender";
constexpr std::int64_t vat_millionths_max = 10'000'000;  // 1000 %

bool is_amount(Money amount) { return amount.minor >= 0 && amount.minor <= money_minor_max; }
bool is_quantity(Quantity quantity) {
  return quantity.thousandths > 0 && quantity.thousandths <= quantity_thousandths_max;
}
bool is_short_name(std::string_view text) { return !text.empty() && is_clean_text(text); }

Status check_receipt(const ReceiptNumber& receipt) {
  if (receipt.till.number == 0 || receipt.n == 0 || receipt.n > receipt_n_max || receipt.series.bits > series_bits_max)
    return fail(bad_line, "the receipt number is not one");
  return {};
}

Status check_sale_line(const SaleLine& line, std::size_t number) {
  const auto bad = [&](std::string_view why) { return fail(bad_line, fmt::format("line {}: {}", number, why)); };
  if (!is_short_name(line.sku.view())) return bad("it has no SKU");
  if (!is_quantity(line.quantity)) return bad("its quantity is not positive, or too large");
  if (line.unit_price.millionths < 0 || line.unit_price.millionths > unit_price_millionths_max)
    return bad("its price is negative or too large");
  if (!is_short_name(line.vat.view()) || line.vat_millionths < 0 || line.vat_millionths > vat_millionths_max)
    return bad("its VAT is not one");
  if (!is_amount(line.amount) || !is_amount(line.vat_amount) || line.vat_amount > line.amount)
    return bad("its amount or VAT is out of range");
  if (line.name.size() > name_bytes_max || !is_clean_text(line.name) || (line.open_price && line.name.empty()))
    return bad("its name is missing, longer than 200 bytes, or not printable UTF-8");
  return {};
}

Result<Money> check_sale_lines(const std::vector<SaleLine>& lines) {
  if (lines.empty() || lines.size() > lines_max)
    return fail(bad_line, fmt::format("{} lines; give 1 to {}", lines.size(), lines_max));
  Money total;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    HF_TRY_VOID(check_sale_line(lines[i], i + 1));
    total.minor += lines[i].amount.minor;  // 5000 amounts stay within 64 bits
  }
  return total;
}

// Approved tenders; a declined card has moved no money.
Result<Money> check_tenders(const std::vector<Tender>& tenders, Money change) {
  if (tenders.size() > tenders_max)
    return fail(bad_tender, fmt::format("{} tenders, at most {}", tenders.size(), tenders_max));
  Money paid, cash;
  for (const Tender& tender : tenders) {
    if (!is_amount(tender.amount)) return fail(bad_tender, "a tender's amount is negative or too large");
    if (tender.token.size() > text_bytes_max || tender.masked.size() > text_bytes_max || !is_clean_text(tender.token) ||
        !is_clean_text(tender.masked))
      return fail(bad_tender, "a tender's token or masked number is too long or not printable UTF-8");
    if (tender.kind == TenderKind::cash) {
      if (!tender.token.empty() || !tender.masked.empty() || tender.result != CardResult::approved)
        return fail(bad_tender, "a cash tender has no token, masked number or result");
      cash.minor += tender.amount.minor;
    } else if (tender.result == CardResult::approved && tender.token.empty()) {
      return fail(bad_tender, "an approved card tender needs the token of its terminal");
    }
    if (tender.result == CardResult::approved) paid.minor += tender.amount.minor;
  }
  if (!is_amount(change) || change > cash)
    return fail(bad_tender, "the change is negative or more than the cash that was given");
  return Money{paid.minor - change.minor};
}

Status check_sum(Money paid, Money total, Money sum_of_lines) {
  if (total != sum_of_lines || !is_amount(total))
    return fail(bad_line, "the total is not the sum of the lines' amounts, or too large");
  if (paid != total)
    return fail("till/tender_mismatch",
                fmt::format("the tenders less change are {}, the total is {} (minor units)", paid.minor, total.minor));
  return {};
}

Status check_reason(std::string_view reason, bool needed) {
  if (needed && reason.empty()) return fail("till/reason_needed", "a refund without receipt needs a reason");
  if (reason.size() > text_bytes_max || !is_clean_text(reason))
    return fail(bad_line, fmt::format("the reason is longer than {} bytes or not printable UTF-8", text_bytes_max));
  return {};
}

}  // namespace

Status check_event(const SaleRecorded& event) {
  HF_TRY_VOID(check_receipt(event.receipt));
  HF_TRY(const Money sum, check_sale_lines(event.lines));
  HF_TRY(const Money paid, check_tenders(event.tenders, event.change));
  return check_sum(paid, event.total, sum);
}

Status check_event(const RefundRecorded& event) {
  HF_TRY_VOID(check_receipt(event.receipt));
  HF_TRY_VOID(check_receipt(event.of));
  if (event.lines.empty() || event.lines.size() > lines_max)
    return fail(bad_line, fmt::format("{} lines; give 1 to {}", event.lines.size(), lines_max));
  Money sum;
  for (const RefundLine& line : event.lines) {
    if (line.line >= lines_max || !is_quantity(line.quantity) || !is_amount(line.amount) ||
        !is_amount(line.vat_amount) || line.vat_amount > line.amount || !is_short_name(line.sku.view()) ||
        !is_short_name(line.vat.view()))
      return fail(bad_line, fmt::format("line {} of the refund is out of range", line.line));
    sum.minor += line.amount.minor;
  }
  HF_TRY_VOID(check_reason(event.reason, false));
  HF_TRY(const Money paid, check_tenders(event.tenders, Money{}));
  return check_sum(paid, event.total, sum);
}

Status check_event(const RefundWithoutReceipt& event) {
  HF_TRY_VOID(check_receipt(event.receipt));
  HF_TRY(const Money sum, check_sale_lines(event.lines));
  HF_TRY_VOID(check_reason(event.reason, true));
  HF_TRY(const Money paid, check_tenders(event.tenders, Money{}));
  return check_sum(paid, event.total, sum);
}

}  // namespace holdfast::till
