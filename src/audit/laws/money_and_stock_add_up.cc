// Money and goods are conserved: each entry adds up and is what was asked for (sums, tenders, goods, where they go,
// prices), and what the pages say is the sum of the entries.
#include "audit/law.h"

namespace holdfast::audit {
namespace {

struct Books : Goods {
  std::uint64_t sales = 0, refunds = 0;
  std::int64_t gross_minor = 0, cash_minor = 0, card_minor = 0;
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
        const bool is_of_till = fact.kind == Fact::Kind::sale || fact.kind == Fact::Kind::refund;
        if (fact.kind == Fact::Kind::listed) continue;
        if (!is_of_till && fact.kind != Fact::Kind::moved && fact.prices.empty()) continue;
        ++exercised;
        check_asked(told.site, fact, asked == evidence.asked.end() ? nothing : asked->second);
        if (is_of_till) check_entry(told.site, fact);
        if (is_of_till) add(books, fact);
        take_goods(books, fact);
      }
      check_pages(told, books);
    }
  }

 private:
  void check_entry(const std::string& site, const Fact& fact) {
    if (fact.lines_minor != fact.total_minor || fact.tendered_minor - fact.change_minor != fact.total_minor)
      breach(site + " has an entry whose lines, tenders and total do not agree");
  }
  void check_asked(const std::string& site, const Fact& fact, const std::map<WriteId, Asked>& all) {
    const auto it = fact.write ? all.find(*fact.write) : all.end();
    if (it == all.end()) return breach(site + " has a sale, a refund, goods moved or prices that nobody asked for");
    const Asked& asked = it->second;
    if (asked.total_minor != fact.total_minor || asked.cash_minor != fact.cash_minor ||
        asked.card_minor != fact.card_minor)
      breach(site + " has taken another sum, or in other tenders, than the till asked for");
    const bool are_other = !asked.is_by_receipt && asked.units != fact.units;
    if (are_other || asked.levels != fact.levels || asked.movement != fact.movement || asked.partner != fact.partner ||
        asked.arrival != fact.arrival)
      breach(site + " has sold, moved or counted other goods than it was asked to, or sent them elsewhere");
    if (asked.prices != fact.prices) breach(site + " has listed other prices than it was asked to");
  }
  static void add(Books& books, const Fact& fact) {
    const bool is_sale = fact.kind == Fact::Kind::sale;
    ++(is_sale ? books.sales : books.refunds);
    books.gross_minor += is_sale ? fact.total_minor : -fact.total_minor;
    books.cash_minor += fact.cash_minor;
    books.card_minor += fact.card_minor;
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
    if (told.dispatched != books.dispatched || told.arrived != books.arrived)
      breach("the goods on the way that the pages of " + told.site + " show are not those of its journal");
    if (told.prices != books.prices)
      breach("the prices that the pages of " + told.site + " list are not those of its journal");
  }
};

}  // namespace

std::unique_ptr<Law> money_and_stock_add_up() { return std::make_unique<MoneyAndStock>(); }

}  // namespace holdfast::audit
