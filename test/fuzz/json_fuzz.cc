// Bodies of the API: JSON read strictly, and each kind of write to the command that core decides. The same text always
// gives the same command, and what a till sends never speaks for another till.
#include "core/fold/command.h"
#include "edge/http/text.h"
#include "edge/http/write_json.h"
#include "test/fuzz/fuzz.h"

namespace holdfast::fuzz {
namespace {

void check_write(const http::json::value& write, const http::Asker& asker) {
  const auto parsed = http::parse_write(write, asker);
  if (!parsed) {
    HF_CHECK(parsed.error().text.size() >= 10, "{} without a reason: \"{}\"", parsed.error().code, parsed.error().text);
    return;
  }
  const fold::WriteRequest& request = parsed->request;
  HF_CHECK(asker.is_local || request.till == asker.till, "till {} writes as till {}", asker.till.number,
           request.till.number);
  HF_CHECK(!request.prior || request.prior->index <= INT64_MAX, "a prior index of {}", request.prior->index);
}

}  // namespace

void fuzz_json(ByteView in) {
  const std::string_view text = as_text(in);
  const Allocations allocations;
  const auto value = http::parse_json(text);
  check_peak(allocations, in.size(), 128);
  if (!value) return;
  HF_CHECK(!http::bad_utf8_at(text), "what is not UTF-8 is read as JSON");
  HF_CHECK(http::key_as_sent(*value).size() <= 64, "a key of {} bytes", http::key_as_sent(*value).size());
  http::Asker till{.till = {3}};
  http::Asker local{.is_local = true};
  http::Asker person{.signed_in = SubjectId{{std::byte{1}}}, .role = people::Role::chain_operator};
  for (const http::Asker& asker : {till, local, person}) check_write(*value, asker);
  const auto writes = http::writes_of(*value);
  if (!writes) return;
  HF_CHECK(!(*writes)->empty() && (*writes)->size() <= http::writes_a_batch_max, "{} writes", (*writes)->size());
  for (const http::json::value& write : **writes) {
    HF_CHECK(http::key_as_sent(write).size() <= 64, "a long key");
    for (const http::Asker& asker : {till, local, person}) check_write(write, asker);
  }
}

Seeds seeds_of_json() {
  const std::string head = R"({"key":"00112233445566778899aabbccddeeff","staff":"ffeeddccbbaa99887766554433221100",)";
  const std::string id = R"("00112233445566778899aabbccddeeff")";
  const std::string line =
      R"({"sku":"A-1","quantity":"2","unit_price":"2.55","vat":"S","name":"Pen","open_price":true})";
  const auto write = [&](std::string name, const std::string& rest) {
    return text_seed(name, head + R"("kind":")" + name + "\"," + rest + "}");
  };
  Seeds out = {
      write("sale", R"("lines":[)" + line +
                        R"(],"tenders":[{"kind":"cash","amount":510}],"change":0,)"
                        R"("at":"2026-11-22T14:03:05Z","prior":{"origin":"c/store-01/1","index":7,)"
                        R"("receipt":"3-00000001-9","at":"2026-11-22T14:03:05Z"})"),
      write("refund",
            R"("receipt":"3-00000001-9","lines":[{"line":0,"quantity":"1"}],)"
            R"("tenders":[{"kind":"card","amount":255,"token":"t","masked":"**** 1234","result":"approved"}])"),
      write("refund_no_receipt", R"("lines":[)" + line + R"(],"tenders":[{"kind":"cash","amount":510}],"reason":"x")"),
      write("receive", R"("lines":[{"sku":"A","quantity":"1.5"}],"reference":"PO 7")"),
      write("write_off", R"("lines":[{"sku":"A","quantity":"1"}],"reason":"broken")"),
      write("count", R"("lines":[{"sku":"A","counted":"0"}])"),
      write("dispatch", R"("to":"store-02","lines":[{"sku":"A","quantity":"1"}])"),
      write("receive_dispatch", R"("from":"warehouse","dispatch":)" + id + R"(,"lines":[{"sku":"A","quantity":"1"}])"),
      write("list_products", R"("products":[{"sku":"A","gtin":"4006381333931","name":"Pen","unit_price":"1.00",)"
                             R"("vat":"S","goods":true}])"),
      write("delist_product", R"("sku":"A")"),
      write("feed_stock", R"("as_of":"2026-11-22T14:03:05Z","lines":[{"sku":"A","level":"-1"}])"),
      write("feed_orders", R"("as_of":"2026-11-22T14:03:05Z","orders":[{"number":"#1","state":"paid","customer":)" +
                               id +
                               R"(,"placed_at":"2026-11-22T14:03:05Z","lines":[{"sku":"A","quantity":"1"}]}],)"
                               R"("gone":[{"number":"#2"}])"),
      write("feed_taken", R"("feed":"stock","stream":"stock","file":"s.csv","sha256":")" + std::string(64, 'a') +
                              R"(","as_of":"2026-11-22T14:03:05Z","whole":true,"accepted":false,"rows":1,"refused":0,)"
                              R"("taken":1,"changed":1)"),
      write("accept_held", R"("origin":"c/store-01/1","index":7,"products_sha256":")" + std::string(64, 'b') + "\""),
      write("close_listed", R"("id":)" + id + R"(,"note":"done")"),
      write("open_incident", R"("title":"files renamed")"),
      write("note_incident", R"("incident":)" + id +
                                 R"(,"note":"note","knowing":"suspected","text":"x",)"
                                 R"("about_from":"2026-11-22T14:03:05Z","corrects":)" +
                                 id),
      write("set_task", R"("incident":)" + id + R"(,"task":)" + id + R"(,"text":"call","state":"done")"),
      write("join_incidents", R"("into":)" + id + R"(,"others":[{"incident":)" + id + "}]"),
      write("close_incident", R"("incident":)" + id + R"(,"text":"over")"),
      write("rejoin_step", R"("link":"store-02","check":"keys","not_needed":true,"text":"new")"),
      write("begin_standby", R"("reason":"opening")"),
      write("handback", R"("number":1,"first":{"epoch":1,"index":0},"end":{"epoch":1,"index":9},"writer":1,)"
                        R"("settings":"x = 1\n","files":[{"name":"a.csv","sha256":")" +
                            std::string(64, 'b') +
                            R"(","bytes":6}],"totals":[{"day":20000,"total":"vat","code":"S 20","amount":208}],)"
                            R"("sales":1,"refunds":0,"movements":4,"late":2)"),
      write("confirm_handback", R"("number":1,"totals":[{"day":-1,"total":"gross","reported":5}],"note":"by phone")")};
  out.push_back(text_seed(
      "batch", R"({"writes":[)" + head + R"("kind":"delist_product","sku":"A"},)" + head + R"("kind":"nothing"}]})"));
  out.push_back(text_seed("deep", "[[[[[[[[[1]]]]]]]]]"));
  out.push_back(text_seed("numbers", R"({"key":1e309,"kind":-0,"a":18446744073709551615,"b":"\ud83d\ude00\u0000"})"));
  return out;
}

}  // namespace holdfast::fuzz
