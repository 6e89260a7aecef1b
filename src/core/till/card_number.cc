// No card number enters the system (promise 9): what looks like one is refused wherever a person or a terminal can put
// text.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/till/till.h"

namespace holdfast::till {
namespace {

constexpr std::size_t digits_min = 13, digits_max = 19;  // ISO/IEC 7812-1, the lengths that payment cards use
constexpr std::size_t separators_max = 3;                // in a row

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The length of a separator at the start of `text`: blank, dot, hyphen, no-break space; 0: something else.
std::size_t separator_length(std::string_view text) {
  if (text.starts_with(' ') || text.starts_with('.') || text.starts_with('-')) return 1;
  if (text.starts_with("\xc2\xa0")) return 2;      // U+00A0
  if (text.starts_with("\xe2\x80\xaf")) return 3;  // U+202F
  return 0;
}

bool passes_luhn(std::string_view digits) {
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) digit = digit * 2 - (digit > 4 ? 9 : 0);
    sum += digit;
  }
  return sum % 10 == 0;
}

// One run of digit groups: every row of whole groups that makes up a card's length.
bool run_holds_card(const std::vector<std::string_view>& groups) {
  for (std::size_t from = 0; from < groups.size(); ++from) {
    std::string digits;
    for (std::size_t to = from; to < groups.size() && digits.size() + groups[to].size() <= digits_max; ++to) {
      digits += groups[to];
      if (digits.size() >= digits_min && passes_luhn(digits)) return true;
    }
  }
  return false;
}

Status check_tenders(const std::vector<Tender>& tenders) {
  for (const Tender& tender : tenders) {
    HF_TRY_VOID(check_card_number(tender.token, "a payment's token"));
    HF_TRY_VOID(check_card_number(tender.masked, "a payment's masked number"));
    if (std::ranges::count_if(tender.masked, is_digit) > 4)
      return fail("till/card_number",
                  "a masked number shows more than its last 4 digits; have the terminal send **** 1234");
  }
  return {};
}

Status check_lines(const std::vector<AskedLine>& lines) {
  for (const AskedLine& line : lines) HF_TRY_VOID(check_card_number(line.name, "a product's name"));
  return {};
}

}  // namespace

bool looks_like_card_number(std::string_view text) {
  std::vector<std::string_view> groups;
  while (!text.empty()) {
    const std::size_t digits = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    if (digits > 0) {
      groups.push_back(text.substr(0, digits));
      text.remove_prefix(digits);
    }
    std::size_t separators = 0;
    while (const std::size_t length = separator_length(text)) {
      text.remove_prefix(length);
      ++separators;
    }
    const bool run_ends = text.empty() || !is_digit(text[0]) || separators > separators_max;
    if (!run_ends) continue;
    if (run_holds_card(groups)) return true;
    groups.clear();
    if (!text.empty() && !is_digit(text[0])) text.remove_prefix(1);
  }
  return false;
}

bool free_text_holds_card_number(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '.');
  return looks_like_card_number(plain);
}

Status check_card_number(std::string_view text, std::string_view what) {
  if (!looks_like_card_number(text)) return {};
  return fail("till/card_number",
              fmt::format("{} holds what looks like a card number; card numbers must not be entered here", what));
}

Status check_card_numbers(const RecordSale& command) {
  HF_TRY_VOID(check_lines(command.lines));
  return check_tenders(command.tenders);
}
Status check_card_numbers(const Refund& command) {
  HF_TRY_VOID(check_card_number(command.reason, "the reason"));
  return check_tenders(command.tenders);
}
Status check_card_numbers(const RefundNoReceipt& command) {
  HF_TRY_VOID(check_card_number(command.reason, "the reason"));
  HF_TRY_VOID(check_lines(command.lines));
  return check_tenders(command.tenders);
}

}  // namespace holdfast::till
