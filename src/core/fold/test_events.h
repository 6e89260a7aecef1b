// One event of every kind, for tests. Nothing in the program includes this.
#pragma once

#include <set>
#include <vector>

#include "core/fold/event.h"

namespace holdfast::fold::testing {

inline WriteInfo sample_write(std::uint8_t n = 1) {
  WriteInfo write;
  write.till = TillId{3};
  write.key.bytes[0] = std::byte{n};
  write.request[31] = std::byte{9};
  write.staff.bytes[5] = std::byte{4};
  return write;
}
inline WriteInfo sample_write_again() {
  WriteInfo write = sample_write(2);
  write.prior = Prior{{"example.com/c", SiteName("store-01"), 1},
                      17,
                      Instant{5},
                      true,
                      ReceiptNumber{TillId{3}, SeriesId{88}, 4},
                      "till/refund_too_much"};
  return write;
}
inline std::vector<till::SaleLine> sample_lines() {
  till::SaleLine listed, open;
  listed.sku = Sku("22423");
  listed.quantity = {2000};
  listed.unit_price = {12'750'000};
  listed.vat = VatCode("S");
  listed.vat_millionths = 200'000;
  listed.amount = {2550};
  listed.vat_amount = {425};
  listed.name = "REGENCY CAKESTAND 3 TIER";
  listed.price_differs = true;
  listed.listed_epoch = 2;
  listed.listed_at = 18;
  open.sku = Sku("POST");
  open.quantity = {1};
  open.vat = VatCode("Z");
  open.name = "Caf\xc3\xa9 cr\xc3\xa8me";
  open.open_price = true;
  open.goods = false;
  return {listed, open};
}
inline Event sample_sale() {
  till::SaleRecorded sale{{TillId{3}, SeriesId{(1ull << 40) - 1}, 15}, sample_lines(), {}, Money{450}, Money{2550}};
  sale.tenders = {{till::TenderKind::card, Money{9999}, "tok-0", "**** 9", till::CardResult::declined},
                  {till::TenderKind::card, Money{1000}, "tok-1", "**** 1234", till::CardResult::approved},
                  {till::TenderKind::cash, Money{2000}, "", "", till::CardResult::approved}};
  return {Instant{1'700'000'000'123'456'789}, sample_write(), sale};
}

inline standby::MakeHandback sample_handback() {
  standby::MakeHandback made;
  made.number = 2;
  made.first = {1, 17};
  made.end = {2, 9};
  made.writer = 1;
  made.settings = "[odoo]\njournal = \"Till\"\n";
  made.files = {{"orders.csv", sha256(as_bytes("orders")), 6}};
  made.totals = {{{20'000, standby::TotalKind::sales, ""}, 1},
                 {{20'000, standby::TotalKind::gross, ""}, 1250},
                 {{20'000, standby::TotalKind::taxed, "S 20"}, 1250},
                 {{20'000, standby::TotalKind::vat, "S 20"}, 208},
                 {{20'000, standby::TotalKind::paid, "cash"}, 1250}};
  made.counts = {1, 0, 4};
  made.late = 2;
  return made;
}

inline std::vector<Event> samples() {
  const Instant at{1'700'000'000'000'000'000};
  const Origin old_origin{"example.com/c", SiteName("store-02"), 1},
      new_origin{"example.com/c", SiteName("store-02"), 2};
  const std::vector<stock::Line> lines = {{Sku("A"), Quantity{1500}}, {Sku("B"), Quantity{1}}};
  DispatchId dispatch;
  dispatch.bytes[3] = std::byte{1};
  Hash root{};
  root[0] = std::byte{7};
  ListedId listed;
  listed.bytes[15] = std::byte{3};
  const till::Tender cash{till::TenderKind::cash, Money{1275}, "", "", till::CardResult::approved};
  return {
      {at, {}, EpochOpened{"example.com/c", SiteName("store-01"), 2, "GBP", "a registration\n"}},
      {at, {}, NodeStarted{SeriesId{42}, "holdfast 0.1.0"}},
      {at, {}, RulesAdopted{1}},
      {at, {}, Part{3, true, Bytes(100, std::byte{0xee})}},
      {at, {}, PeerFollowed{{{old_origin, 17, root, {2, 5, 9}}, {new_origin, 0, Hash{}, {}}}}},
      {at, {}, PeerSucceeded{old_origin, 17, root, new_origin}},
      {at, sample_write(), PeerEntryAccepted{{old_origin, 5}, sha256(as_bytes("a price list"))}},
      {at, {}, EpochSealed{"a certificate\n"}},
      {at, {}, RegistrationTaken{"a registration\n"}},
      {at, {}, ContradictionSeen{old_origin, "note a\n", "note b\n"}},
      {at, sample_write(), TailListed{listed, {old_origin, 4}, "why", Bytes(33, std::byte{1})}},
      {at, sample_write_again(), WriteListed{listed, "why", "{\"key\":\n1}"}},
      {at, sample_write(), ListedClosed{listed, "seen to"}},
      {at, sample_write(),
       catalogue::ProductsListed{{{Sku("A"), "4006381333931", "Pen", UnitPrice{1'000'000}, VatCode("S"), true},
                                  {Sku("POST"), "", "Postage", UnitPrice{0}, VatCode("Z"), false}}}},
      {at, sample_write(), catalogue::ProductDelisted{Sku("A")}},
      {at, sample_write(), stock::StockReceived{lines, "note 7"}},
      {at, sample_write(), stock::StockWrittenOff{lines, "broken"}},
      {at, sample_write(), stock::StockCounted{{{Sku("A"), Quantity{0}}}}},
      {at, sample_write(), stock::StockDispatched{SiteName("store-02"), lines}},
      {at, sample_write(), stock::DispatchReceived{SiteName("warehouse"), dispatch, lines}},
      sample_sale(),
      {at, sample_write_again(),
       till::RefundRecorded{{TillId{3}, SeriesId{42}, 16},
                            {TillId{2}, SeriesId{41}, 1},
                            {{7, Quantity{1000}, Money{1275}, Money{213}, Sku("22423"), VatCode("S"), true}},
                            {cash},
                            Money{1275},
                            "too small"}},
      {at, sample_write(),
       till::RefundWithoutReceipt{{TillId{3}, SeriesId{42}, 17}, sample_lines(), {cash, cash}, Money{2550}, "faulty"}},
      {at, sample_write(), SubjectRead{{{std::byte{1}}}, "asked for her own data"}},
      {at, sample_write(),
       feed::FeedTaken{feed::Kind::stock, "stock", "stock-1125.csv", root, Instant{5}, true, true, 9, 2, 7, 3}},
      {at, sample_write(), stock::StockFed{Instant{5}, {{Sku("A"), Quantity{-1500}}, {Sku("B"), Quantity{0}}}}},
      {at, sample_write(),
       feed::OrdersFed{
           Instant{5},
           {{"#1001", {{std::byte{6}}}, "paid", Instant{4}, {{Sku("A"), Quantity{1000}}, {{}, Quantity{1}}}}},
           {"#1000"}}},
      {at,
       {},
       guard::AlertRaised{{"suricata", "2024297", 1, "Attempted Administrator Privilege Gain",
                           "ET EXPLOIT ETERNALBLUE Exploit M2 MS17-010", root, Instant{at.unix_ns - 5}},
                          guard::Level::sealed,
                          "eternalblue",
                          3}},
      {at,
       {},
       guard::PostureChanged{guard::Posture::sealed,
                             guard::Cause::alert,
                             {},
                             "suricata",
                             "2024297",
                             "eternalblue",
                             "an alert of signature 2024297"}},
      {at,
       {},
       guard::PostureChanged{
           guard::Posture::open, guard::Cause::person, {{std::byte{1}}}, "", "", "", "a false alarm"}},
      {at, {}, incident::IncidentOpened{{dispatch.bytes}, "", EntryRef{old_origin, 9}}},
      {at, sample_write(),
       incident::IncidentNoted{{dispatch.bytes},
                               incident::NoteKind::data_affected,
                               incident::Knowing::suspected,
                               "names of staff",
                               {Instant{1}, at},
                               {{std::byte{2}}},
                               incident::NoteId{dispatch.bytes}}},
      {at, sample_write(),
       incident::TaskSet{{dispatch.bytes}, {dispatch.bytes}, "call the regulator", {}, incident::TaskState::done}},
      {at, sample_write(), incident::IncidentsJoined{{dispatch.bytes}, {{{std::byte{1}}}, {{std::byte{2}}}}}},
      {at, sample_write(),
       incident::IncidentClosed{
           {dispatch.bytes}, "over", {{SiteName("store-02"), 90, true, seconds(60), 3, Money{-5}, 7, 2}}}},
      {at, {}, LinkCut{SiteName("store-02"), {{std::byte{3}}}, false}},
      {at, {}, LinkHealed{SiteName("store-02"), {}, true}},
      {at, sample_write(),
       incident::RejoinStep{SiteName("store-02"), incident::RejoinCheck::keys, true, "its machine is new"}},
      {at, sample_write(), standby::StandbyBegun{"opening"}},
      {at, sample_write(), standby::TakenOver{{Instant{5}, {}, Instant{6}}, "the old system is dead"}},
      {at, sample_write(), standby::StandbyResumed{"it is back"}},
      {at, sample_write(), standby::HandbackMade{sample_handback()}},
      {at, sample_write(),
       standby::HandbackConfirmed{3, {{{-1, standby::TotalKind::vat, "S 20"}, {208, 209}}}, "by telephone"}},
  };
}

}  // namespace holdfast::fold::testing
