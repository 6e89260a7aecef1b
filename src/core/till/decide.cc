// Selling and refunding: what a till asks for becomes what happened, or is refused with a reason.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/mutant.h"
#include "core/till/till.h"

namespace holdfast::till {
namespace {

// The printed number of an old series where it is free (protocol 8.2), else the next of the current one. A printed
// number of the current series is given out again by nobody but this function, so it is never taken from a request.
Result<ReceiptNumber> number_for(const TillState& state, TillId till, const Numbering& numbering) {
  if (till.number == 0) return fail("till/no_till", "sales and refunds need a till; enrol this one");
  if (state.series == SeriesId{})
    return fail("till/not_started", "this site has not opened a series of receipts yet; try again");
  if (const auto& printed = numbering.printed; printed && !HF_MUTANT(22) && printed->till == till &&
                                               printed->series != state.series &&
                                               printed->series.bits <= series_bits_max && printed->n >= 1 &&
                                               printed->n <= receipt_n_max && state.find(*printed) == nullptr)
    return *printed;
  const auto it = state.receipts.find({till, state.series});
  return ReceiptNumber{till, state.series, it == state.receipts.end() ? 1 : it->second.next};
}

std::string where(std::size_t i, const AskedLine& asked) {
  return fmt::format("line {} ({})", i + 1, asked.sku.view());
}

// Name, flags and VAT of a line: as its entry has it for what is re-admitted, else by the listing, or as asked for what
// is not listed.
Result<SaleLine> described(const AskedLine& asked, const std::optional<PriceInfo>& price, std::size_t i,
                           const VatRates& vat, bool happened, bool open_by_itself) {
  SaleLine line;
  line.sku = asked.sku;
  line.quantity = asked.quantity;
  line.unit_price = asked.unit_price;
  line.vat = asked.vat;
  const auto rate = vat.find(asked.vat);
  if (rate == vat.end() && !(happened && asked.recorded))
    return fail("till/wrong_vat",
                fmt::format("{}: VAT code {} is not one of this chain", where(i, asked), asked.vat.view()));
  line.vat_millionths = asked.recorded ? asked.recorded->vat_millionths : rate->second;
  if (price) {
    if (asked.open_price && !happened)
      return fail(bad_line, fmt::format("{} is listed; sell it without an open price", where(i, asked)));
    if (asked.vat != price->vat && !happened)
      return fail("till/wrong_vat", fmt::format("{} is listed with VAT {}, not {}", where(i, asked), price->vat.view(),
                                                asked.vat.view()));
    line.name = (asked.open_price || asked.recorded) && !asked.name.empty() ? asked.name : price->name;
    line.open_price = asked.open_price;
    line.price_differs = asked.unit_price != price->unit_price;
    line.goods = asked.recorded ? asked.recorded->goods : price->goods;
    line.listed_epoch = price->listed_epoch;
    line.listed_at = price->listed_at;
    return line;
  }
  if (!asked.open_price && !happened && !open_by_itself)
    return fail(
        "till/unknown_sku",
        fmt::format("{} is not listed by head office; sell it with an open price, name and VAT", where(i, asked)));
  line.open_price = true;
  line.goods = !asked.recorded || asked.recorded->goods;
  line.name = asked.name;
  if (line.name.empty() && (happened || open_by_itself)) line.name = asked.sku.str();
  if (line.name.empty()) return fail(bad_line, fmt::format("{} has an open price and needs a name", where(i, asked)));
  return line;
}

struct Lines {
  std::vector<SaleLine> lines;
  Money total;
};
Result<Lines> lines_of(const std::vector<AskedLine>& asked, const std::vector<std::optional<PriceInfo>>& prices,
                       const Numbering& numbering, const VatRates& vat, bool open_by_itself) {
  if (asked.empty() || asked.size() > lines_max)
    return fail(bad_line, fmt::format("{} lines; give 1 to {}", asked.size(), lines_max));
  HF_CHECK(prices.size() == asked.size(), "{} prices for {} lines", prices.size(), asked.size());
  Lines out;
  out.lines.reserve(asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].quantity.thousandths <= 0 || asked[i].quantity.thousandths > quantity_thousandths_max)
      return fail(bad_line, fmt::format("{}: quantity {} is not positive, or too large", where(i, asked[i]),
                                        to_text(asked[i].quantity)));
    if (asked[i].unit_price.millionths < 0 || asked[i].unit_price.millionths > unit_price_millionths_max)
      return fail(bad_line, fmt::format("{}: price {} is negative or too large", where(i, asked[i]),
                                        to_text(asked[i].unit_price)));
    HF_TRY(SaleLine line, described(asked[i], prices[i], i, vat, numbering.happened, open_by_itself));
    HF_TRY(line.amount, line_amount(line.unit_price, line.quantity, numbering.currency_decimals));
    line.vat_amount = vat_in_gross(line.amount, line.vat_millionths);
    out.total.minor += line.amount.minor;
    out.lines.push_back(std::move(line));
  }
  if (out.total.minor > money_minor_max)
    return fail("base/overflow", "the total is too large; check prices and quantities");
  return out;
}

// check_event() knows minor units alone; a person gets amounts with their decimals.
Status check_paid(const std::vector<Tender>& tenders, Money change, Money total, int decimals) {
  if (tenders.size() > tenders_max || total.minor > money_minor_max) return {};  // check_event() says so
  Money paid;
  for (const Tender& tender : tenders) {
    if (tender.amount.minor < 0 || tender.amount.minor > money_minor_max) return {};
    if (tender.result == CardResult::approved) paid.minor += tender.amount.minor;
  }
  if (change.minor < 0 || change.minor > money_minor_max || paid.minor - change.minor == total.minor) return {};
  return fail("till/tender_mismatch",
              fmt::format("the tenders less change are {}, the total is {}",
                          to_text(Money{paid.minor - change.minor}, decimals), to_text(total, decimals)));
}

Quantity refunded_before(const TillState& state, const ReceiptNumber& receipt, std::uint32_t line) {
  const auto it = state.refunded.find(receipt);
  if (it == state.refunded.end()) return {};
  const auto found = it->second.find(line);
  return found == it->second.end() ? Quantity{} : found->second;
}

// What all refunds of a line come to when `quantity` of it has been refunded: parts always add up to the line.
struct Refunded {
  Money amount, vat;
};
Result<Refunded> refunded_so_far(const SaleLine& line, Quantity quantity, int decimals) {
  HF_TRY(const Money amount, line_amount(line.unit_price, quantity, decimals));
  return Refunded{amount, vat_in_gross(amount, line.vat_millionths)};
}

Result<RefundLine> refund_line(const TillState& state, const Refund& command, const AskedRefundLine& asked,
                               const SaleRecorded& original, const Numbering& numbering) {
  if (asked.line >= original.lines.size())
    return fail(bad_line, fmt::format("receipt {} has {} lines, there is no line {}", to_text(command.of),
                                      original.lines.size(), std::uint64_t{asked.line} + 1));
  const SaleLine& line = original.lines[asked.line];
  if (asked.quantity.thousandths <= 0 || asked.quantity.thousandths > quantity_thousandths_max)
    return fail(bad_line, fmt::format("line {}: quantity {} is not positive, or too large", asked.line + 1,
                                      to_text(asked.quantity)));
  const Quantity before = refunded_before(state, command.of, asked.line);
  if (before.thousandths < 0 || before.thousandths > quantity_thousandths_max)
    return fail(bad_line, "more was refunded than can be counted");
  const Quantity left{line.quantity.thousandths - before.thousandths};
  if (asked.quantity > left && !numbering.happened)
    return fail("till/refund_too_much",
                fmt::format("line {} ({}) of receipt {}: {} is left to refund, {} was asked for", asked.line + 1,
                            line.sku.view(), to_text(command.of),
                            to_text(Quantity{std::max<std::int64_t>(left.thousandths, 0)}), to_text(asked.quantity)));
  const Quantity after{before.thousandths + asked.quantity.thousandths};
  if (after.thousandths > quantity_thousandths_max) return fail(bad_line, "more was refunded than can be counted");
  HF_TRY(const Refunded was, refunded_so_far(line, before, numbering.currency_decimals));
  HF_TRY(const Refunded is, refunded_so_far(line, after, numbering.currency_decimals));
  return RefundLine{asked.line,
                    asked.quantity,
                    Money{is.amount.minor - was.amount.minor},
                    Money{is.vat.minor - was.vat.minor},
                    line.sku,
                    line.vat,
                    line.goods};
}

// What was paid out is known; how it rounds over the lines may have changed with what was refunded in between. At most
// one minor unit a line is moved.
void fit_to_paid(RefundRecorded& event) {
  std::int64_t paid = 0;
  for (const Tender& tender : event.tenders) {
    if (tender.amount.minor < 0 || tender.amount.minor > money_minor_max) return;
    if (tender.result == CardResult::approved) paid += tender.amount.minor;
  }
  std::int64_t difference = paid - event.total.minor;
  if (difference > static_cast<std::int64_t>(event.lines.size()) ||
      -difference > static_cast<std::int64_t>(event.lines.size()))
    return;
  const std::int64_t step = difference > 0 ? 1 : -1;
  for (RefundLine& line : event.lines) {
    if (difference == 0) return;
    if (line.amount.minor + step < line.vat_amount.minor) continue;
    line.amount.minor += step;
    event.total.minor += step;
    difference -= step;
  }
}

}  // namespace

Result<SaleRecorded> decide(const TillState& state, const RecordSale& command, const Numbering& numbering,
                            const VatRates& vat, const std::vector<std::optional<PriceInfo>>& prices) {
  HF_TRY_VOID(check_card_numbers(command));
  SaleRecorded event;
  HF_TRY(event.receipt, number_for(state, command.till, numbering));
  HF_TRY(Lines lines, lines_of(command.lines, prices, numbering, vat, false));
  event.lines = std::move(lines.lines);
  event.total = lines.total;
  event.tenders = command.tenders;
  event.change = command.change;
  HF_TRY_VOID(check_paid(event.tenders, event.change, event.total, numbering.currency_decimals));
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<RefundRecorded> decide(const TillState& state, const Refund& command, const Numbering& numbering,
                              const SaleRecorded& original) {
  HF_TRY_VOID(check_card_numbers(command));
  RefundRecorded event;
  HF_TRY(event.receipt, number_for(state, command.till, numbering));
  event.of = command.of;
  if (command.lines.empty() || command.lines.size() > lines_max)
    return fail(bad_line, fmt::format("{} lines; give 1 to {}", command.lines.size(), lines_max));
  std::vector<std::uint32_t> positions;
  positions.reserve(command.lines.size());
  for (const AskedRefundLine& asked : command.lines) positions.push_back(asked.line);
  std::ranges::sort(positions);
  if (std::ranges::adjacent_find(positions) != positions.end())
    return fail(bad_line, "a line stands twice in this refund; add them up");
  for (const AskedRefundLine& asked : command.lines) {
    HF_TRY(const RefundLine line, refund_line(state, command, asked, original, numbering));
    event.total.minor += line.amount.minor;
    event.lines.push_back(line);
  }
  event.tenders = command.tenders;
  event.reason = command.reason;
  if (numbering.happened) fit_to_paid(event);
  HF_TRY_VOID(check_paid(event.tenders, Money{}, event.total, numbering.currency_decimals));
  HF_TRY_VOID(check_event(event));
  return event;
}

Result<RefundWithoutReceipt> decide(const TillState& state, const RefundNoReceipt& command, const Numbering& numbering,
                                    const VatRates& vat, const std::vector<std::optional<PriceInfo>>& prices) {
  HF_TRY_VOID(check_card_numbers(command));
  RefundWithoutReceipt event;
  HF_TRY(event.receipt, number_for(state, command.till, numbering));
  HF_TRY(Lines lines, lines_of(command.lines, prices, numbering, vat, true));
  event.lines = std::move(lines.lines);
  event.total = lines.total;
  event.tenders = command.tenders;
  event.reason = command.reason;
  HF_TRY_VOID(check_paid(event.tenders, Money{}, event.total, numbering.currency_decimals));
  HF_TRY_VOID(check_event(event));
  return event;
}

}  // namespace holdfast::till
