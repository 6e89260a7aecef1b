// Money and goods are conserved: each entry adds up and is what the till asked for, and what the pages say is the sum
// of the entries.
#include "audit/law.h"

namespace holdfast::audit {
namespace {

struct Books {
  std::uint64_t sales = 0, refunds = 0;
  std::int64_t gross_minor = 0, cash_minor = 0, card_minor = 0;
  std::map<std::string, std::int64_t> on_hand;
  std::set<IdempotencyKey> arrived;
};

class MoneyAndStock final : public Law {
 public:
  std::string_view name() const override { return "money and stock add up"; }

  void at_rest(const Evidence& evidence) override {
    static const std::map<WriteId, Asked> nothing;
    for (const Told& told : evidence.told) {
      Books books;
      const auto asked = evidence.asked.find(told.site);
      for (const Fact& fact : evidence.lineage_of_site(told.site).facts) {
        if (fact.kind == Fact::Kind::moved) {
          ++exercised;
          check_moved(told.site, fact, asked == evidence.asked.end() ? nothing : asked->second);
          move(books, fact);
        }
        if (fact.kind != Fact::Kind::sale && fact.kind != Fact::Kind::refund) continue;
        ++exercised;
        check_entry(told.site, fact);
        check_asked(told.site, fact, asked == evidence.asked.end() ? nothing : asked->second);
        add(books, fact);
      }
      check_pages(told, books);
    }
  }

 private:
  void check_entry(const std::string& site, const Fact& fact) {
    if (fact.lines_minor != fact.total_minor || fact.tendered_minor - fact.change_minor != fact.total_minor)
      breach(site + " has an entry whose lines, tenders and total do not agree");
  }
  void check_asked(const std::string& site, const Fact& fact, const std::map<WriteId, Asked>& asked) {
    const auto it = fact.write ? asked.find(*fact.write) : asked.end();
    if (it == asked.end()) return breach(site + " has a sale or refund that nobody asked for");
    // A refund names lines of a receipt, and no goods.
    const bool are_goods_other = fact.kind == Fact::Kind::sale && it->second.units != fact.units;
    if (it->second.total_minor != fact.total_minor || are_goods_other)
      breach(site + " has taken another sum or other goods than the till asked for");
  }
  void check_moved(const std::string& site, const Fact& fact, const std::map<WriteId, Asked>& asked) {
    const auto it = fact.write ? asked.find(*fact.write) : asked.end();
    if (it == asked.end()) return breach(site + " has goods moved or counted that nobody asked for");
    if (it->second.units != fact.units || it->second.levels != fact.levels)
      breach(site + " has moved or counted other goods than it was asked to");
  }
  static void add(Books& books, const Fact& fact) {
    const bool is_sale = fact.kind == Fact::Kind::sale;
    ++(is_sale ? books.sales : books.refunds);
    books.gross_minor += is_sale ? fact.total_minor : -fact.total_minor;
    books.cash_minor += fact.cash_minor;
    books.card_minor += fact.card_minor;
    move(books, fact);
  }
  static void move(Books& books, const Fact& fact) {
    if (fact.arrival && !books.arrived.insert(*fact.arrival).second) return;
    for (const auto& [sku, units] : fact.units) books.on_hand[sku] -= units;
    for (const auto& [sku, level] : fact.levels) books.on_hand[sku] = level;
  }
  void check_pages(const Told& told, const Books& books) {
    const auto said = [](const auto& of) {
      return std::to_string(of.sales) + " sales, " + std::to_string(of.refunds) + " refunds, " +
             std::to_string(of.gross_minor) + " gross, " + std::to_string(of.cash_minor) + " in cash, " +
             std::to_string(of.card_minor) + " by card";
    };
    if (said(told) != said(books))
      breach("the pages of " + told.site + " say " + said(told) + "; its journal " + said(books));
    if (told.on_hand != books.on_hand)
      breach("the stock that the pages of " + told.site + " show is not what its journal gives");
  }
};

}  // namespace

std::unique_ptr<Law> money_and_stock_add_up() { return std::make_unique<MoneyAndStock>(); }

}  // namespace holdfast::audit
