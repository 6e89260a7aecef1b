// Writes, retries, re-submissions (protocol 6, 8): what is decided, and what the fold makes of it.
#include <gtest/gtest.h>

#include "core/fold/test_fold.h"

namespace holdfast::fold {
namespace {

using namespace testing;
constexpr TillId till_1{1}, till_2{2};

struct Decide : ::testing::Test {
  Journals journals;
  Shop store{journals, "store-01"};
  Shop head{journals, "head-office"};

  void SetUp() override {
    ASSERT_TRUE(head.write(catalogue::ListProducts{{product("A", 2'550'000), product("B", 1'000'000, "R")}}));
    store.follow(head);
  }
  till::RecordSale sale_of_a(TillId till = till_1) {
    return {till, {line("A", 1000, 2'550'000)}, {cash(300)}, Money{45}};
  }
  // A write that a till sends again, with the reply it had.
  WriteRequest again(WriteRequest request, std::uint32_t epoch = 1, std::optional<ReceiptNumber> printed = {}) {
    request.prior = Prior{{store.chain.chain, SiteName("store-01"), epoch}, 40, Instant{start_ns - 5}, false};
    request.printed_receipt = printed;
    request.body = R"({"kind":"as it came"})";
    return request;
  }
};

TEST_F(Decide, a_sale_is_taken_with_a_receipt_and_the_flags_that_matter) {
  const auto taken = store.write(sale_of_a(), till_1);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_EQ(taken->receipt, (ReceiptNumber{till_1, SeriesId{0x1001}, 1}));
  EXPECT_EQ(taken->total, Money{255});
  EXPECT_EQ(taken->origin, store.origin);
  EXPECT_EQ(taken->index, store.size() - 1);
  EXPECT_TRUE(taken->flags.below_zero) << "nothing was ever received";
  EXPECT_FALSE(taken->duplicate || taken->flags.open_price || taken->flags.price_differs || taken->flags.resubmitted);
  const auto sale = std::get<till::SaleRecorded>(store.read(taken->index).body);
  EXPECT_EQ(sale.lines[0].name, "Product A");
  EXPECT_EQ(sale.lines[0].listed_at, 3u) << "1 + the index of the entry of head office that lists it";
  EXPECT_EQ(sale.lines[0].listed_epoch, 1u);
  EXPECT_EQ(store.state.till.find(*taken->receipt)->listed_at, 3u);
}

TEST_F(Decide, a_retry_gets_the_same_answer_and_changes_nothing) {
  const WriteRequest request = store.request(sale_of_a(), till_1);
  const auto first = store.write(request);
  const Hash before = store.state.hash();
  auto second = store.write(request);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->duplicate);
  EXPECT_EQ(std::tie(second->origin, second->index, second->at, second->receipt, second->total),
            std::tie(first->origin, first->index, first->at, first->receipt, first->total));
  EXPECT_EQ(store.state.hash(), before);
}

TEST_F(Decide, the_same_key_for_another_write_is_refused) {
  WriteRequest request = store.request(sale_of_a(), till_1);
  ASSERT_TRUE(store.write(request));
  std::get<till::RecordSale>(request.command).lines[0].quantity = {2000};
  ASSERT_REFUSED(store.write(request), "fold/key_reused");
  request = store.request(stock::Count{{{Sku("A"), Quantity{1}}}});
  ASSERT_TRUE(store.write(request));
  request.staff.bytes[1] = std::byte{1};
  ASSERT_REFUSED(store.write(request), "fold/key_reused");
}

TEST_F(Decide, the_same_key_of_another_till_is_another_write) {
  WriteRequest request = store.request(sale_of_a(till_1), till_1);
  ASSERT_TRUE(store.write(request));
  request.till = till_2;
  request.command = sale_of_a(till_2);
  const auto other = store.write(request);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->duplicate);
}

TEST_F(Decide, the_request_hash_knows_who_and_what_and_nothing_else) {
  const WriteRequest request = store.request(sale_of_a(), till_1);
  WriteRequest same = request;
  same.key = key(99);
  same.body = "spelt otherwise";
  same.at = Instant{1};
  same.prior = Prior{store.origin, 1, Instant{1}, false};
  EXPECT_EQ(request_hash(same), request_hash(request));
  const auto differs = [&](auto change) {
    WriteRequest other = request;
    change(other);
    EXPECT_NE(request_hash(other), request_hash(request));
  };
  const auto sale = [](WriteRequest& r) -> till::RecordSale& { return std::get<till::RecordSale>(r.command); };
  differs([](WriteRequest& r) { r.till = till_2; });
  differs([](WriteRequest& r) { r.staff.bytes[0] = std::byte{1}; });
  differs([&](WriteRequest& r) { sale(r).lines[0].unit_price = {1}; });
  differs([&](WriteRequest& r) { sale(r).lines[0].vat = VatCode("R"); });
  differs([&](WriteRequest& r) { sale(r).lines[0].name = "x"; });
  differs([&](WriteRequest& r) { sale(r).lines[0].open_price = true; });
  differs([&](WriteRequest& r) { sale(r).tenders[0] = card(300); });
  differs([&](WriteRequest& r) { sale(r).change = {44}; });
}

TEST_F(Decide, a_key_of_zeros_and_a_till_that_writes_for_another_are_refused) {
  WriteRequest request = store.request(sale_of_a(), till_1);
  request.key = {};
  ASSERT_REFUSED(store.write(request), "fold/bad_key");
  ASSERT_REFUSED(store.write(sale_of_a(till_2), till_1), "till/no_till");
  EXPECT_TRUE(store.write(sale_of_a(till_2), TillId{})) << "the command line may name any till";
}

TEST_F(Decide, two_refunds_of_the_same_receipt_in_one_group_are_one) {
  const auto sale = store.write(sale_of_a(), till_1);  // not durable yet, but decided: read() gives it
  const till::Refund refund{till_1, *sale->receipt, {{0, Quantity{1000}}}, {cash(255)}, ""};
  const auto first = store.write(refund, till_1);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_EQ(first->total, Money{255});
  till::Refund other = refund;
  other.till = till_2;
  ASSERT_REFUSED(store.write(other, till_2), "till/refund_too_much");
}

TEST_F(Decide, a_refund_needs_a_receipt_of_a_sale_of_this_site) {
  const auto sale = store.write(sale_of_a(), till_1);
  const auto refund = store.write(till::Refund{till_1, *sale->receipt, {{0, Quantity{500}}}, {cash(128)}, ""}, till_1);
  ASSERT_TRUE(refund) << refund.error().text;
  const auto of = [&](ReceiptNumber receipt) {
    return store.write(till::Refund{till_1, receipt, {{0, Quantity{1000}}}, {cash(255)}, ""}, till_1);
  };
  ASSERT_REFUSED(of(*refund->receipt), "till/unknown_receipt");
  ASSERT_REFUSED(of({till_1, SeriesId{5}, 1}), "till/unknown_receipt");
}

TEST_F(Decide, only_head_office_lists_products) {
  ASSERT_REFUSED(store.write(catalogue::ListProducts{{product("X", 1)}}), "catalogue/not_here");
  ASSERT_REFUSED(store.write(catalogue::DelistProduct{Sku("A")}), "catalogue/not_here");
  ASSERT_REFUSED(head.write(catalogue::ListProducts{{product("X", 1, "Q")}}), "catalogue/bad_product");
  ASSERT_TRUE(head.write(catalogue::DelistProduct{Sku("A")}));
}

TEST_F(Decide, goods_go_to_sites_of_the_chain) {
  const std::vector<stock::Line> lines = {{Sku("A"), Quantity{1000}}};
  ASSERT_REFUSED(store.write(stock::Dispatch{SiteName("store-99"), lines}), "stock/unknown_site");
  ASSERT_REFUSED(store.write(stock::Dispatch{SiteName("store-01"), lines}), "stock/same_site");
  ASSERT_REFUSED(store.write(stock::ReceiveDispatch{SiteName("store-99"), {{std::byte{1}}}, lines}),
                 "stock/unknown_site");
  const auto sent = store.request(stock::Dispatch{SiteName("store-02"), lines});
  ASSERT_TRUE(store.write(sent));
  EXPECT_TRUE(store.state.stock.sent.contains(DispatchId{sent.key.bytes})) << "its id is its key";
  ASSERT_TRUE(store.write(stock::ReceiveDispatch{SiteName("store-02"), {{std::byte{1}}}, lines}))
      << "the goods are there, whatever was heard of them";
  ASSERT_REFUSED(store.write(stock::ReceiveDispatch{SiteName("store-02"), {{std::byte{1}}}, lines}),
                 "stock/received_before");
}

TEST_F(Decide, a_dispatch_under_the_key_of_another_s_is_refused_because_it_would_move_nothing) {
  const std::vector<stock::Line> lines{{Sku("A"), Quantity{1000}}};
  const WriteRequest first = store.request(stock::Dispatch{SiteName("store-02"), lines});
  ASSERT_TRUE(store.write(first));
  WriteRequest second = store.request(stock::Dispatch{SiteName("store-02"), lines}, till_1);
  second.key = first.key;
  ASSERT_REFUSED(store.write(second), "fold/key_reused");
  EXPECT_EQ(store.state.stock.dispatched, Quantity{1000});
  ASSERT_TRUE(store.write(first)->duplicate);
  // Sent again it has happened, and nobody here can tell under which id: a person looks at it.
  const auto listed = store.write(again(second));
  ASSERT_TRUE(listed) << listed.error().text;
  EXPECT_TRUE(listed->listed);
  EXPECT_EQ(store.state.stock.dispatched, Quantity{1000});
}

TEST_F(Decide, goods_are_booked_under_the_sku_and_not_under_its_barcode) {
  const auto lines = [](std::string_view code) { return std::vector<stock::Line>{{Sku(code), Quantity{1000}}}; };
  const std::string upc = "012345678905", ean = "0012345678905";
  ASSERT_TRUE(store.write(till::RecordSale{till_1, {open_line(upc, 1000, 1'000'000)}, {cash(100)}, {}}, till_1));
  catalogue::Product listed = product("C", 1'000'000);
  listed.gtin = upc;
  ASSERT_TRUE(head.write(catalogue::ListProducts{{listed}}));
  store.follow(head);
  ASSERT_REFUSED(store.write(stock::Receive{lines(ean), ""}), "stock/bad_line");
  ASSERT_REFUSED(store.write(stock::WriteOff{lines(ean), "fire"}), "stock/bad_line");
  ASSERT_REFUSED(store.write(stock::Count{lines(ean)}), "stock/bad_line");
  ASSERT_REFUSED(store.write(stock::Dispatch{SiteName("store-02"), lines(ean)}), "stock/bad_line");
  EXPECT_NE(store.write(stock::Receive{lines(ean), ""}).error().text.find("product C"), std::string::npos);
  for (const char* code : {"C", "NOT-LISTED", "4006381333931"})
    ASSERT_TRUE(store.write(stock::Receive{lines(code), ""})) << code;
  ASSERT_TRUE(store.write(stock::Count{lines(upc)})) << "sold under its barcode before it was listed: put right";
  ASSERT_TRUE(store.write(again(store.request(stock::Receive{lines(ean), ""})))) << "it has happened";
}

TEST_F(Decide, card_numbers_are_refused_in_every_free_text) {
  const std::string number = "card 5555555555554444";
  const std::vector<stock::Line> lines = {{Sku("A"), Quantity{1000}}};
  ASSERT_REFUSED(store.write(stock::Receive{lines, number}), "till/card_number");
  ASSERT_REFUSED(store.write(stock::WriteOff{lines, number}), "till/card_number");
  ASSERT_REFUSED(store.write(ReadSubject{{{std::byte{1}}}, number}), "till/card_number");
  ASSERT_REFUSED(store.write(CloseListed{{}, number}), "till/card_number");
  till::RecordSale sale{till_1, {open_line("X", 1000, 1'000'000)}, {cash(100)}, {}};
  sale.lines[0].name = number;
  ASSERT_REFUSED(store.write(sale, till_1), "till/card_number");
  ASSERT_REFUSED(store.write(again(store.request(sale, till_1))), "till/card_number");  // not even on the list
}

TEST_F(Decide, a_service_moves_no_stock) {
  catalogue::Product post = product("POST", 1'000'000);
  post.goods = false;
  ASSERT_TRUE(head.write(catalogue::ListProducts{{post}}));
  store.follow(head);
  const auto sale = store.write(till::RecordSale{till_1, {line("POST", 1000, 1'000'000)}, {cash(100)}, {}}, till_1);
  ASSERT_TRUE(sale) << sale.error().text;
  ASSERT_TRUE(store.write(till::Refund{till_1, *sale->receipt, {{0, Quantity{1000}}}, {cash(100)}, ""}, till_1));
  EXPECT_TRUE(store.state.stock.items.empty());
}

TEST_F(Decide, a_reading_of_personal_data_needs_a_reason) {
  ASSERT_REFUSED(store.write(ReadSubject{{{std::byte{1}}}, ""}), "fold/reason_needed");
  ASSERT_REFUSED(store.write(ReadSubject{{{std::byte{1}}}, "a\nb"}), "fold/bad_text");
  const auto taken = store.write(ReadSubject{{{std::byte{1}}}, "receipt by post"});
  ASSERT_TRUE(taken);
  EXPECT_EQ(std::get<SubjectRead>(store.read(taken->index).body).reason, "receipt by post");
}

TEST_F(Decide, a_till_s_time_is_kept_and_never_lies_in_the_future) {
  WriteRequest request = store.request(sale_of_a(), till_1);
  request.at = Instant{1'300'000'000'000'000'000};  // an import of old trade
  EXPECT_EQ(store.write(request)->at, *request.at);
  EXPECT_EQ(store.state.till.totals.days.begin()->first, 1'300'000'000 / 86'400);
  request = store.request(sale_of_a(), till_1);
  request.at = store.now() + days(1);
  EXPECT_LE(store.write(request)->at, store.now());
  request = store.request(sale_of_a(), till_1);
  request.at = Instant{-1};
  ASSERT_REFUSED(store.write(request), "base/bad_time");
}

TEST_F(Decide, keys_are_remembered_for_90_days_of_the_journal_even_those_of_an_import) {
  WriteRequest import = store.request(sale_of_a(), till_1);
  import.at = Instant{1'300'000'000'000'000'000};
  ASSERT_TRUE(store.write(import));
  store.clock_ns += days(90).ns - seconds(10).ns;
  ASSERT_TRUE(store.write(sale_of_a(), till_1));
  EXPECT_TRUE(store.write(import)->duplicate);
  for (std::size_t i = 2; i < writes_remembered_min; ++i) ASSERT_TRUE(store.write(sale_of_a(), till_1));
  store.clock_ns += seconds(20).ns;
  EXPECT_TRUE(store.write(import)->duplicate) << "the newest stay";
  ASSERT_TRUE(store.write(sale_of_a(), till_1));
  EXPECT_FALSE(store.write(import)->duplicate);
}

// ---- re-submission (protocol 8.2, 6.2)

TEST_F(Decide, a_resubmitted_sale_keeps_number_and_time_as_printed) {
  const ReceiptNumber printed{till_1, SeriesId{0x55}, 9};
  const auto request = again(store.request(sale_of_a(), till_1), 1, printed);
  const auto taken = store.write(request);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_EQ(taken->receipt, printed);
  EXPECT_EQ(taken->at, request.prior->at);
  EXPECT_TRUE(taken->flags.resubmitted);
  EXPECT_FALSE(taken->flags.renumbered || taken->listed);
  EXPECT_EQ(store.state.readmission.resubmitted, 1u);
  EXPECT_TRUE(store.write(request)->duplicate);
  EXPECT_TRUE(store.write(till::Refund{till_1, printed, {{0, Quantity{1000}}}, {cash(255)}, ""}, till_1));
}

TEST_F(Decide, one_whose_number_is_taken_is_renumbered_and_tells_the_printed_one) {
  const ReceiptNumber printed{till_1, SeriesId{0x55}, 9};
  ASSERT_TRUE(store.write(again(store.request(sale_of_a(), till_1), 1, printed)));
  const auto second = store.write(again(store.request(sale_of_a(), till_1), 1, printed));
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->flags.renumbered);
  EXPECT_EQ(second->receipt, (ReceiptNumber{till_1, SeriesId{0x1001}, 1}));
  EXPECT_EQ(store.read(second->index).write->prior->printed, printed);
}

TEST_F(Decide, what_has_happened_is_taken_where_a_rule_refuses_it_and_flagged_for_a_person) {
  till::RecordSale unlisted{till_1, {line("Gone", 1000, 1'000'000)}, {cash(100)}, {}};
  ASSERT_REFUSED(store.write(unlisted, till_1), "till/unknown_sku");
  const auto taken = store.write(again(store.request(unlisted, till_1)));
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_FALSE(taken->listed);
  EXPECT_TRUE(taken->flags.open_price);
  EXPECT_EQ(store.read(taken->index).write->prior->broke, "till/unknown_sku");
  ASSERT_EQ(store.state.listed.size(), 1u);
  const auto [id, item] = *store.state.listed.begin();  // copied: it is closed below
  EXPECT_EQ(item.what, "SaleRecorded");
  EXPECT_NE(item.reason.find("till/unknown_sku"), std::string::npos);
  ASSERT_TRUE(store.write(CloseListed{id, "checked"}));
  EXPECT_TRUE(store.state.listed.empty());
  ASSERT_REFUSED(store.write(CloseListed{id, "checked"}), "fold/unknown_listed");
}

// A till's word that something was done is all there is, and whoever has its key can give it.
TEST_F(Decide, what_has_happened_and_its_sender_may_not_do_is_taken_and_flagged_for_a_person) {
  fold::WriteRequest request = again(store.request(stock::WriteOff{{{Sku("A"), Quantity{1000}}}, "broken"}, till_1));
  request.lacks_role = true;
  const auto taken = store.write(request);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_EQ(store.read(taken->index).write->prior->broke, "auth/role");
  ASSERT_EQ(store.state.listed.size(), 1u);
  EXPECT_NE(store.state.listed.begin()->second.reason.find("auth/role"), std::string::npos);
}

TEST_F(Decide, a_count_that_comes_back_stands_and_is_counted_again) {
  ASSERT_TRUE(store.write(stock::Receive{{{Sku("A"), Quantity{9000}}}, ""}));
  const auto taken = store.write(again(store.request(stock::Count{{{Sku("A"), Quantity{10'000}}}}, till_1)));
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_EQ(store.read(taken->index).write->prior->broke, "stock/counted_before");
  EXPECT_EQ(store.state.stock.items.at(Sku("A")).on_hand, Quantity{10'000});
  EXPECT_TRUE(store.state.stock.items.at(Sku("A")).count_wanted) << "one was sold since, and its sale came first";
  EXPECT_EQ(store.state.listed.size(), 1u);
  fold::WriteRequest by_nobody = again(store.request(stock::Count{{{Sku("A"), Quantity{1000}}}}, till_1));
  by_nobody.lacks_role = true;
  EXPECT_EQ(store.read(store.write(by_nobody)->index).write->prior->broke, "auth/role") << "the graver one is told";
  ASSERT_TRUE(store.write(stock::Count{{{Sku("A"), Quantity{9000}}}}));
  EXPECT_FALSE(store.state.stock.items.at(Sku("A")).count_wanted);
}

// The shelf was counted after it, and so without it: booked once more, the sale would be missing twice.
TEST_F(Decide, what_moved_before_a_count_and_comes_back_behind_it_wants_another) {
  const auto wants_count = [&](std::string_view sku) { return store.state.stock.items.at(Sku(sku)).count_wanted; };
  ASSERT_TRUE(store.write(stock::Receive{{{Sku("A"), Quantity{9000}}, {Sku("B"), Quantity{9000}}}, ""}));
  ASSERT_TRUE(store.write(stock::Count{{{Sku("A"), Quantity{8000}}}}));
  const Instant counted = store.state.stock.items.at(Sku("A")).level_at;
  const auto come_back = [&](WriteRequest request, Instant at) {
    request = again(std::move(request));
    request.prior->at = at;
    const auto taken = store.write(request);
    ASSERT_TRUE(taken) << taken.error().text;
  };
  const auto both = [&] {
    return store.request(stock::WriteOff{{{Sku("A"), Quantity{1000}}, {Sku("B"), Quantity{1000}}}, "broken"}, till_1);
  };
  come_back(both(), counted + seconds(1));
  EXPECT_FALSE(wants_count("A")) << "it was broken afterwards";
  come_back(both(), counted - seconds(1));
  EXPECT_TRUE(wants_count("A"));
  EXPECT_FALSE(wants_count("B")) << "nobody has counted it";
  ASSERT_TRUE(store.write(stock::Count{{{Sku("A"), Quantity{7000}}}}));
  EXPECT_FALSE(wants_count("A"));
  come_back(store.request(sale_of_a(), till_1), counted);
  EXPECT_TRUE(wants_count("A"));
  EXPECT_EQ(store.state.stock.items.at(Sku("A")).on_hand, Quantity{6000}) << "booked all the same";
  // Each kind of movement.
  const auto sold = store.write(sale_of_a(), till_1);
  const std::vector<stock::Line> one{{Sku("A"), Quantity{1000}}};
  for (const Command& moves :
       std::vector<Command>{till::Refund{till_1, *sold->receipt, {{0, Quantity{1000}}}, {cash(255)}, ""},
                            stock::Receive{one, ""}, stock::Dispatch{SiteName("store-02"), one},
                            stock::ReceiveDispatch{SiteName("warehouse"), DispatchId{{std::byte{7}}}, one}}) {
    ASSERT_TRUE(store.write(stock::Count{one}));
    ASSERT_FALSE(wants_count("A"));
    come_back(store.request(moves, till_1), counted - seconds(1));
    EXPECT_TRUE(wants_count("A")) << moves.index();
  }
}

TEST_F(Decide, a_resubmitted_refund_that_another_has_spent_is_taken_and_flagged) {
  const auto sale = store.write(sale_of_a(), till_1);
  const till::Refund refund{till_1, *sale->receipt, {{0, Quantity{1000}}}, {cash(255)}, ""};
  ASSERT_TRUE(store.write(refund, till_1));
  const auto second = store.write(again(store.request(refund, till_1)));
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ(second->total, Money{255});
  EXPECT_EQ(store.read(second->index).write->prior->broke, "till/refund_too_much");
  EXPECT_EQ(store.state.listed.size(), 1u);
  EXPECT_EQ(store.state.till.totals.gross, Money{-255}) << "the money has left the drawer";
}

TEST_F(Decide, a_resubmitted_refund_waits_for_its_sale_and_is_listed_when_that_never_comes) {
  const ReceiptNumber printed{till_2, SeriesId{0x55}, 1};
  const auto refund =
      again(store.request(till::Refund{till_1, printed, {{0, Quantity{1000}}}, {cash(255)}, ""}, till_1));
  ASSERT_REFUSED(store.write(refund), "fold/waits");
  Shop other = store;  // the sale comes
  ASSERT_TRUE(other.write(again(other.request(sale_of_a(till_2), till_2), 1, printed)));
  EXPECT_FALSE(other.write(refund)->listed);
  journals[store.origin].resize(journals[store.origin].size() - 2);  // here it does not
  store.clock_ns += resubmission_waits.ns;
  const auto listed = store.write(refund);
  ASSERT_TRUE(listed) << listed.error().text;
  EXPECT_TRUE(listed->listed);
}

TEST_F(Decide, what_cannot_be_told_as_its_event_is_listed_with_its_body_and_a_retry_hears_so) {
  till::RecordSale wrong = sale_of_a();
  wrong.tenders = {cash(100)};
  const auto request = again(store.request(wrong, till_1));
  const auto taken = store.write(request);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_TRUE(taken->listed);
  EXPECT_FALSE(taken->receipt);
  const auto& item = store.state.listed.at(listed_id({till_1, request.key}));
  EXPECT_EQ(item.what, request.body);
  EXPECT_NE(item.reason.find("till/tender_mismatch"), std::string::npos);
  EXPECT_TRUE(store.state.find_write({till_1, request.key})->listed);
  const auto retry = store.write(request);
  EXPECT_TRUE(retry->listed && retry->duplicate);
  EXPECT_EQ(store.state.readmission.listed, 1u);
  EXPECT_EQ(store.state.readmission.resubmitted, 0u);
}

TEST_F(Decide, a_dispatch_that_arrived_before_is_listed_not_booked_twice) {
  const stock::ReceiveDispatch arrival{SiteName("warehouse"), {{std::byte{1}}}, {{Sku("A"), Quantity{1000}}}};
  ASSERT_TRUE(store.write(arrival));
  const auto second = store.write(again(store.request(arrival)));
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->listed);
  EXPECT_EQ(store.state.stock.total, Quantity{1000});
}

TEST_F(Decide, a_promise_is_decided_anew_and_a_readmitted_write_that_is_refused_is_its_caller_s_to_list) {
  auto request = again(store.request(catalogue::ListProducts{{product("X", 1)}}));
  EXPECT_TRUE(store.write(request)->listed);
  request = again(store.request(catalogue::ListProducts{{product("X", 1)}}));
  request.prior->readmitted = true;
  ASSERT_REFUSED(store.write(request), "catalogue/not_here");
  till::RecordSale wrong = sale_of_a();
  wrong.tenders = {cash(100)};
  request = again(store.request(wrong, till_1));
  request.prior->readmitted = true;
  ASSERT_REFUSED(store.write(request), "till/tender_mismatch");
}

TEST_F(Decide, readmitted_events_and_listed_tails_are_counted_and_what_is_closed_stays_known) {
  const Origin old_epoch{store.chain.chain, SiteName("store-01"), 1};
  auto request = again(store.request(sale_of_a(), till_1));
  request.prior->readmitted = true;
  request.known_request = Hash{std::byte{5}};
  const auto taken = store.write(request);
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->flags.readmitted);
  EXPECT_EQ(store.state.find_write({till_1, request.key})->request, *request.known_request);
  const Bytes entry = store.entries()[taken->index];
  store.append({store.now(), {}, TailListed{{{std::byte{1}}}, {old_epoch, 44}, "why", entry}});
  EXPECT_EQ(store.state.listed.begin()->second.what, "SaleRecorded");
  EXPECT_EQ(store.state.readmission.readmitted, 1u);
  EXPECT_EQ(store.state.readmission.listed, 1u);
  const ListedId id = store.state.listed.begin()->first;
  ASSERT_TRUE(store.write(CloseListed{id, "it is in the day's takings"}));
  EXPECT_TRUE(store.state.was_listed(id)) << "whoever offers it again does not open it again";
  EXPECT_TRUE(State::decode(store.state.encode())->was_listed(id));
}

// A clock that began in another year, and is set: what a till sends again then, for want of an answer, was sold twice.
TEST_F(Decide, a_step_of_the_clock_forgets_no_write_of_just_now) {
  const WriteRequest sale = store.request(sale_of_a(), till_1);
  ASSERT_TRUE(store.write(sale));
  store.clock_ns += days(10'000).ns;
  ASSERT_TRUE(store.write(sale_of_a(), till_1));
  const std::uint64_t sales = store.state.till.totals.sales;
  const auto again = store.write(sale);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(store.state.till.totals.sales, sales);
}

// A mirror may offer a tail, and a till wake up, when keys of that time are forgotten: then nobody here can tell
// whether it was taken.
TEST_F(Decide, what_comes_again_after_its_key_may_be_forgotten_is_for_a_person_and_never_counted_twice) {
  const Instant rung_at = store.now();
  const WriteRequest plain = store.request(sale_of_a(), till_1);
  ASSERT_TRUE(store.write(plain));
  const WriteRequest back = again(store.request(sale_of_a(), till_1));
  ASSERT_TRUE(store.write(back));
  store.clock_ns += writes_remembered.ns + days(1).ns;
  for (std::size_t i = 0; i < writes_remembered_min; ++i) ASSERT_TRUE(store.write(sale_of_a(), till_1));
  EXPECT_EQ(store.state.find_write({till_1, plain.key}), nullptr);
  EXPECT_NE(store.state.find_write({till_1, back.key}), nullptr) << "who holds its tail may offer it at any time";
  const auto decoded = State::decode(store.state.encode());
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->hash(), store.state.hash());
  WriteRequest old = plain;
  old.prior = Prior{{store.chain.chain, SiteName("store-01"), 1}, 41, rung_at, true};
  old.known_request = request_hash(plain);
  const std::uint64_t sales = store.state.till.totals.sales;
  ASSERT_REFUSED(store.write(old), "fold/too_old");
  old.prior->readmitted = false;
  const auto taken = store.write(old);
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->listed) << "of a till: on the list, with its body";
  EXPECT_EQ(store.state.till.totals.sales, sales);
  till::RecordSale with_card_number = sale_of_a();
  with_card_number.lines[0].name = "card 5555555555554444";
  WriteRequest never = again(store.request(with_card_number, till_1));
  never.prior->at = rung_at;
  ASSERT_REFUSED(store.write(never), "till/card_number");
  EXPECT_EQ(store.state.listed.size(), 1u) << "not even on the list (promise 9)";
}

TEST_F(Decide, an_origin_that_could_not_be_read_back_is_refused) {
  auto request = again(store.request(sale_of_a(), till_1));
  request.prior->origin.chain = "a\nb";
  ASSERT_REFUSED(store.write(request), "fold/bad_text");
  request.prior->origin = {};
  ASSERT_REFUSED(store.write(request), "fold/bad_text");
  request = again(store.request(sale_of_a(), till_1));
  request.prior->at = Instant{-1};
  ASSERT_REFUSED(store.write(request), "base/bad_time");
}

}  // namespace
}  // namespace holdfast::fold
