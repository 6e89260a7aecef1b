// What a sale of a tail is taken in as, and how a tail is cut into messages.
#include "core/recovery/readmit.h"

#include <gtest/gtest.h>

#include "core/fold/test_fold.h"
#include "core/journal/log_test_support.h"
#include "core/journal/memory_disk.h"

namespace holdfast::recovery {
namespace {

// Protocol 6.1, 8.2: what was printed stays so.
class Readmission : public testing::Test {
 protected:
  void SetUp() override {
    catalogue::Product postage = fold::testing::product("POST", 1'000'000);
    postage.goods = false;
    ASSERT_TRUE(head_.write(catalogue::ListProducts{{fold::testing::product("A", 1'200'000), postage}}));
    old_.follow(head_);
    const till::RecordSale sale{
        till_1,
        {fold::testing::line("A", 1000, 1'200'000), fold::testing::line("POST", 1000, 1'000'000)},
        {fold::testing::cash(220)},
        {}};
    const auto taken = old_.write(sale, till_1);
    ASSERT_TRUE(taken) << taken.error().text;
    entry_ = old_.read(taken->index);
    at_ = taken->index;
  }
  // As the new machine takes it in.
  fold::Event again(const fold::testing::Shop& machine) {
    const auto decided = machine.ask(*readmission(entry_, old_.origin, at_));
    EXPECT_TRUE(decided) << (decided ? "" : decided.error().text);
    return decided ? *decided->event : fold::Event();
  }
  static std::vector<std::int64_t> vat(const fold::Event& event) {
    std::vector<std::int64_t> out;
    for (const till::SaleLine& line : std::get<till::SaleRecorded>(event.body).lines)
      out.insert(out.end(), {line.vat_millionths, line.vat_amount.minor, line.goods ? 1 : 0});
    return out;
  }
  static constexpr TillId till_1{1};
  const std::vector<std::int64_t> as_printed_{200'000, 20, 1, 200'000, 17, 0};
  fold::testing::Journals journals_;
  fold::testing::Shop head_{journals_, "head-office"}, old_{journals_, "store-01"}, new_{journals_, "store-01", 2};
  fold::Event entry_;
  EntryIndex at_ = 0;
};

TEST_F(Readmission, under_a_changed_rate_a_sale_keeps_the_vat_that_was_printed) {
  new_.follow(head_);
  new_.chain.vat_rates[0].millionths = 220'000;
  const fold::Event event = again(new_);
  EXPECT_EQ(vat(event), as_printed_);
  EXPECT_EQ(std::get<till::SaleRecorded>(event.body).receipt, std::get<till::SaleRecorded>(entry_.body).receipt);
  EXPECT_EQ(event.write->prior->broke, "") << "no rule is against it";
}

TEST_F(Readmission, a_removed_vat_code_is_flagged_and_keeps_no_sale_out) {
  new_.follow(head_);
  std::erase_if(new_.chain.vat_rates, [](const chain::VatRate& rate) { return rate.code == VatCode("S"); });
  const fold::Event event = again(new_);
  EXPECT_EQ(vat(event), as_printed_);
  EXPECT_EQ(event.write->prior->broke, "till/wrong_vat");
}

TEST_F(Readmission, a_service_that_is_not_listed_any_more_moves_no_stock) {
  const fold::Event event = again(new_);
  EXPECT_EQ(vat(event), as_printed_);
  EXPECT_EQ(event.write->prior->broke, "till/unknown_sku");
}

class NextPiece : public testing::Test {
 protected:
  void append(std::size_t bytes) { log_->append(Bytes(bytes, std::byte{'x'})); }
  // First entry and count of each, from `first` on.
  std::vector<std::pair<EntryIndex, std::size_t>> pieces(EntryIndex first) {
    std::vector<std::pair<EntryIndex, std::size_t>> out;
    while (true) {
      const auto piece = next_piece(*log_, first, log_->size());
      EXPECT_TRUE(piece.has_value());
      if (!piece || !*piece) return out;
      out.emplace_back((*piece)->first, (*piece)->entries.size());
      first = (*piece)->first + (*piece)->entries.size();
    }
  }
  using Pieces = std::vector<std::pair<EntryIndex, std::size_t>>;

  journal::MemoryDisk disk_;
  SerialExecutor executor_;
  std::unique_ptr<journal::Log> log_ = *journal::Log::open(disk_, executor_, journal::test_origin());
};

TEST_F(NextPiece, has_about_a_mebibyte) {
  for (int i = 0; i < 50; ++i) append(60'000);
  ASSERT_TRUE(log_->commit());
  EXPECT_EQ(pieces(0), (Pieces{{0, 17}, {17, 17}, {34, 16}}));
  EXPECT_EQ(pieces(48), (Pieces{{48, 2}}));
  EXPECT_EQ(pieces(50), Pieces());
}

TEST_F(NextPiece, keeps_the_parts_of_an_event_together) {
  const fold::Event large{Instant{}, std::nullopt,
                          fold::TailListed{{}, {journal::test_origin(), 5}, "why", Bytes(2'000'000, std::byte{'n'})}};
  append(60'000);
  const std::vector<Bytes> parts = fold::encode(large);
  for (const Bytes& part : parts) log_->append(part);
  append(60'000);
  ASSERT_TRUE(log_->commit());
  ASSERT_GT(parts.size(), 20u);
  EXPECT_EQ(pieces(0), (Pieces{{0, 1 + parts.size()}, {1 + parts.size(), 1}}));
}

}  // namespace
}  // namespace holdfast::recovery
