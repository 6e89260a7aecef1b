// Entries from disk and peers. Random bytes seldom pass the FlatBuffers verifier, so the input is a kind of event and a
// list of edits (where, what) to its real bytes; what is still decoded means the same when it is encoded again.
#include "core/fold/event.h"
#include "test/fuzz/fuzz.h"

using namespace holdfast;

namespace {

const Origin origin{"holdfast.example/acme", SiteName("store-01"), 3};

template <class Id>
Id id_of(std::uint8_t value) {
  Id id;
  id.bytes.fill(static_cast<std::byte>(value));
  return id;
}

till::SaleRecorded a_sale() {
  till::SaleLine line{.sku = Sku("85123A"),
                      .quantity = {2000},
                      .unit_price = {2'550'000},
                      .vat = VatCode("S"),
                      .vat_millionths = 200'000,
                      .amount = {510},
                      .vat_amount = {85},
                      .name = "T-LIGHT HOLDER"};
  return {.receipt = {{3}, {77}, 15},
          .lines = {line, line},
          .tenders = {{.amount = {1020}}},
          .change = {},
          .total = {1020}};
}

const std::vector<fold::Body>& samples() {
  static const std::vector<fold::Body> all = [] {
    const till::SaleRecorded sale = a_sale();
    const std::vector<stock::Line> lines = {{Sku("85123A"), {1000}}, {Sku("22423"), {3000}}};
    return std::vector<fold::Body>{
        fold::EpochOpened{origin.chain, origin.site, 3, "GBP", "note\n"},
        fold::NodeStarted{{77}, "holdfast 0.1.0"},
        fold::RulesAdopted{1},
        fold::Part{0, true, to_bytes(as_bytes("part"))},
        fold::PeerFollowed{{{origin, 10, {}, {3, 4}}}},
        fold::PeerSucceeded{origin, 7, {}, {origin.chain, origin.site, 4}},
        fold::PeerEntryAccepted{{origin, 3}},
        fold::EpochSealed{"certificate\n"},
        fold::RegistrationTaken{"registration\n"},
        fold::ContradictionSeen{origin, "a\n", "b\n"},
        fold::TailListed{id_of<fold::ListedId>(1), {origin, 3}, "reason", to_bytes(as_bytes("entry"))},
        fold::WriteListed{id_of<fold::ListedId>(2), "reason", "{}"},
        fold::ListedClosed{id_of<fold::ListedId>(2), "done"},
        catalogue::ProductsListed{
            {{Sku("85123A"), "5012345678900", "T-LIGHT HOLDER", {2'550'000}, VatCode("S"), true}}},
        catalogue::ProductDelisted{Sku("85123A")},
        stock::StockReceived{lines, "PO 17"},
        stock::StockWrittenOff{lines, "broken"},
        stock::StockCounted{lines},
        stock::StockDispatched{SiteName("store-02"), lines},
        stock::DispatchReceived{SiteName("warehouse"), id_of<DispatchId>(9), lines},
        sale,
        till::RefundRecorded{.receipt = {{3}, {77}, 16},
                             .of = sale.receipt,
                             .lines = {{0, {1000}, {255}, {42}, Sku("85123A"), VatCode("S"), true}},
                             .tenders = {{.amount = {255}}},
                             .total = {255},
                             .reason = "cracked"},
        till::RefundWithoutReceipt{{{3}, {77}, 17}, sale.lines, sale.tenders, sale.total, "no receipt"},
        fold::SubjectRead{id_of<SubjectId>(5), "a customer asks"},
    };
  }();
  return all;
}

fold::Event a_written(fold::Body body, bool prior) {
  fold::WriteInfo write{{3}, id_of<IdempotencyKey>(7), {}, id_of<SubjectId>(8), std::nullopt};
  if (prior) write.prior = fold::Prior{.origin = origin, .index = 5, .at = {1'700'000'000'000'000'000}};
  return {{1'700'000'000'000'000'001}, write, std::move(body)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Reader in(fuzz::bytes_of(data, size));
  const std::uint8_t kind = in.u8();
  const fold::Body& body = samples()[kind % samples().size()];
  fold::Event event = kind & 0x80 ? a_written(body, (kind & 0x40) != 0) : fold::Event{{1}, std::nullopt, body};
  Bytes entry = fold::encode(event).front();
  while (in.left() >= 3) {
    const std::uint16_t at = in.u16();
    entry[at % entry.size()] = static_cast<std::byte>(in.u8());
  }
  if (const auto decoded = fold::decode(entry)) {
    const auto again = fold::decode(fold::encode(*decoded).front());
    HF_CHECK(again && *again == *decoded, "a {} changes when it is encoded again", fold::kind_name(decoded->body));
  }
  return 0;
}
