// Bad input: each with a clear message, and what is good next to it.
#include "edge/http/write_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

using ::testing::HasSubstr;

const std::string key = "00112233445566778899aabbccddeeff";
const std::string staff = "ffeeddccbbaa99887766554433221100";
const std::string line = R"({"sku":"A-1","quantity":"2","unit_price":"2.55","vat":"S"})";
const std::string cash = R"({"kind":"cash","amount":510})";

Asker till_3() { return {.till = {3}}; }

std::string sale(const std::string& lines, const std::string& tenders, const std::string& more = "") {
  return R"({"key":")" + key + R"(","kind":"sale","staff":")" + staff + R"(","lines":[)" + lines + R"(],"tenders":[)" +
         tenders + "]" + more + "}";
}
Result<ParsedWrite> parse(const std::string& text, const Asker& asker = till_3()) {
  const auto value = parse_json(text);
  if (!value) return fail(value.error().code, value.error().text);
  return parse_write(*value, asker);
}
// The refusal's code, after a look at its words.
std::string_view refusal(const std::string& text, const std::string& words, const Asker& asker = till_3()) {
  const auto parsed = parse(text, asker);
  if (parsed) return "taken";
  EXPECT_THAT(parsed.error().text, HasSubstr(words));
  return parsed.error().code;
}

TEST(WriteJson, ASaleBecomesACommand) {
  const auto parsed = parse(sale(line, cash, R"(,"change":0,"at":"2026-11-22T14:03:05Z")"));
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(parsed->request.till, TillId{3});
  EXPECT_EQ(to_hex(parsed->request.key.bytes), key);
  EXPECT_EQ(to_hex(parsed->request.staff.bytes), staff);
  EXPECT_FALSE(parsed->needs);
  const auto& command = std::get<till::RecordSale>(parsed->request.command);
  ASSERT_EQ(command.lines.size(), 1u);
  EXPECT_EQ(command.lines[0].quantity, Quantity{2000});
  EXPECT_EQ(command.lines[0].unit_price, UnitPrice{2'550'000});
  ASSERT_EQ(command.tenders.size(), 1u);
  EXPECT_EQ(command.tenders[0].amount, Money{510});
  EXPECT_TRUE(parsed->request.body.empty());
}

TEST(WriteJson, TheTimeAtTheTillIsCarried) {
  const auto parsed = parse(sale(line, cash, R"(,"at":"2025-01-02T03:04:05.5Z")"));
  ASSERT_TRUE(parsed);
  if constexpr (requires { parsed->request.at; }) {
    ASSERT_TRUE(parsed->request.at);
    EXPECT_EQ(to_text(*parsed->request.at), "2025-01-02T03:04:05.500000000Z");
  }
}

TEST(WriteJson, APriorIsCarriedWithItsReceiptAndTheBody) {
  const auto parsed = parse(
      sale(line, cash,
           R"(,"prior":{"origin":"c/store-01/1","index":7,"receipt":"3-00000001-9","at":"2026-11-22T14:03:05Z"})"));
  ASSERT_TRUE(parsed) << parsed.error().text;
  ASSERT_TRUE(parsed->request.prior);
  EXPECT_EQ(parsed->request.prior->index, 7u);
  EXPECT_EQ(parsed->request.printed_receipt, (ReceiptNumber{{3}, {1}, 9}));
  EXPECT_THAT(parsed->request.body, HasSubstr("A-1"));
}

TEST(WriteJson, MalformedJsonIsToldWithItsPosition) {
  const auto truncated = parse_json(R"({"writes":[)");
  ASSERT_FALSE(truncated);
  EXPECT_EQ(truncated.error().code, "http/bad_json");
  const auto broken = parse_json("{\"a\":1,\n \"b\":tru}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, "http/bad_json");
  EXPECT_THAT(broken.error().text, HasSubstr("line 2"));
  EXPECT_FALSE(parse_json(R"({"a":1} x)"));
  EXPECT_FALSE(parse_json(""));
  EXPECT_FALSE(parse_json(R"({"a":NaN})"));
}

TEST(WriteJson, WrongEncodingIsRefusedWithItsPosition) {
  const auto latin1 = parse_json("{\"name\":\"caf\xe9\"}");
  ASSERT_FALSE(latin1);
  EXPECT_EQ(latin1.error().code, "http/bad_encoding");
  EXPECT_THAT(latin1.error().text, HasSubstr("byte 12"));
  for (const char* bad : {"\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xe2\x82\""})
    EXPECT_FALSE(parse_json(bad)) << bad;
  EXPECT_TRUE(parse_json("\"caf\xc3\xa9 \xf0\x9f\x8d\xb5\""));
}

TEST(WriteJson, JsonThatNestsTooDeepIsRefused) {
  EXPECT_TRUE(parse_json("[[[[[[[1]]]]]]]"));
  const auto deep = parse_json(std::string(1000, '[') + std::string(1000, ']'));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, "http/bad_json");
}

TEST(WriteJson, NumbersWhereStringsAreDueAreRefused) {
  EXPECT_EQ(refusal(sale(R"({"sku":"A-1","quantity":2,"unit_price":"2.55","vat":"S"})", cash),
                    "lines[0].quantity must be a decimal in quotes"),
            "http/wrong_type");
  EXPECT_EQ(refusal(sale(R"({"sku":"A-1","quantity":"2","unit_price":2.55,"vat":"S"})", cash), "lines[0].unit_price"),
            "http/wrong_type");
  EXPECT_EQ(refusal(sale(R"({"sku":17,"quantity":"2","unit_price":"2.55","vat":"S"})", cash),
                    "lines[0].sku must be a string"),
            "http/wrong_type");
  EXPECT_EQ(refusal(sale(line, R"({"kind":"cash","amount":"510"})"), "tenders[0].amount"), "http/wrong_type");
}

TEST(WriteJson, QuantitiesAreBounded) {
  const auto with = [](const std::string& quantity) {
    return sale(R"({"sku":"A-1","quantity":")" + quantity + R"(","unit_price":"2.55","vat":"S"})", cash);
  };
  EXPECT_EQ(refusal(with("-1"), "must be more than 0"), "http/bad_value");
  EXPECT_EQ(refusal(with("0"), "must be more than 0"), "http/bad_value");
  EXPECT_EQ(refusal(with("99999999999999999999999"), "too large"), "base/bad_number");
  EXPECT_EQ(refusal(with("1.0001"), "more than 3 decimals"), "base/bad_number");
  EXPECT_EQ(refusal(with("1e3"), "plain decimal"), "base/bad_number");
  EXPECT_EQ(refusal(with(""), "must not be empty"), "http/bad_value");
}

TEST(WriteJson, PricesAreBounded) {
  const auto with = [](const std::string& price) {
    return sale(R"({"sku":"A-1","quantity":"1","unit_price":")" + price + R"(","vat":"S"})", cash);
  };
  EXPECT_EQ(refusal(with("2.5500001"), "more than 6 decimals"), "base/bad_number");
  EXPECT_EQ(refusal(with("-2.55"), "must not be negative"), "http/bad_value");
  EXPECT_EQ(refusal(with("9999999999999999"), "too large"), "base/bad_number");
  EXPECT_EQ(refusal(with("2,55"), "plain decimal"), "base/bad_number");
}

TEST(WriteJson, AmountsAreBounded) {
  const auto with = [](const std::string& amount) { return sale(line, R"({"kind":"cash","amount":)" + amount + "}"); };
  EXPECT_EQ(refusal(with("-1"), "tenders[0].amount must not be negative"), "http/bad_value");
  EXPECT_EQ(refusal(with("1.5"), "whole number of minor units"), "http/bad_value");
  EXPECT_EQ(refusal(with("1e3"), "whole number of minor units"), "http/bad_value");
  EXPECT_EQ(refusal(with("9223372036854775808"), "whole number of minor units"), "http/bad_value");
  EXPECT_EQ(refusal(with("99999999999999999999999999"), "whole number of minor units"), "http/bad_value");
  EXPECT_EQ(refusal(with("1000000000000001"), "too large"), "http/bad_value");
  EXPECT_TRUE(parse(with("1000000000000000")));
  EXPECT_EQ(refusal(sale(line, cash, R"(,"change":-5)"), "change must not be negative"), "http/bad_value");
}

TEST(WriteJson, UnknownAndMissingFieldsAreNamed) {
  EXPECT_EQ(refusal(sale(line, cash, R"(,"dicsount":5)"), "dicsount is not known here"), "http/unknown_field");
  EXPECT_EQ(refusal(sale(R"({"sku":"A-1","quantity":"2","unit_price":"2.55","vat":"S","x":1})", cash), "lines[0].x"),
            "http/unknown_field");
  EXPECT_EQ(refusal(sale(R"({"quantity":"2","unit_price":"2.55","vat":"S"})", cash), "lines[0].sku is missing"),
            "http/missing_field");
  EXPECT_EQ(refusal(R"({"kind":"sale"})", "key is missing"), "http/missing_field");
  EXPECT_EQ(refusal(R"([1])", "must be an object"), "http/wrong_type");
  EXPECT_EQ(refusal(sale("5", cash), "lines[0] must be an object"), "http/wrong_type");
  EXPECT_EQ(refusal(sale("", cash), "lines must not be empty"), "http/bad_value");
}

TEST(WriteJson, TextsAreBounded) {
  const std::string long_sku(32, 'x');
  EXPECT_EQ(refusal(sale(R"({"sku":")" + long_sku + R"(","quantity":"2","unit_price":"2.55","vat":"S"})", cash),
                    "at most 31"),
            "http/bad_value");
  EXPECT_EQ(refusal(sale(R"({"sku":"A-1","quantity":"2","unit_price":"2.55","vat":"STANDARD"})", cash), "at most 7"),
            "http/bad_value");
  EXPECT_EQ(
      refusal(sale(R"({"sku":"A\u0000B","quantity":"2","unit_price":"2.55","vat":"S"})", cash), "control characters"),
      "http/bad_value");
  EXPECT_EQ(refusal(sale(R"({"sku":"","quantity":"2","unit_price":"2.55","vat":"S"})", cash), "must not be empty"),
            "http/bad_value");
  std::string lines = line;
  for (std::size_t i = 0; i < till::lines_max; ++i) lines += "," + line;
  EXPECT_EQ(refusal(sale(lines, cash), "at most 5000"), "http/bad_value");
}

TEST(WriteJson, AKeyIsSixteenBytesOfHex) {
  EXPECT_EQ(refusal(R"({"key":"00","kind":"sale"})", "key must be 32 hexadecimal digits"), "http/bad_value");
  EXPECT_EQ(refusal(R"({"key":"zz112233445566778899aabbccddeeff","kind":"sale"})", "32 hexadecimal"), "http/bad_value");
  EXPECT_EQ(refusal(R"({"key":")" + key + R"(","kind":"buy"})", "\"buy\" is none of: sale, refund"),
            "http/unknown_kind");
}

TEST(WriteJson, CardNumbersAreRefusedWhereverPeopleType) {
  for (const std::string number :
       {"4111111111111111", "4111 1111 1111 1111", "4111.1111.1111.1111", "paid with 4111-1111-1111-1111 ok"}) {
    const std::string write = R"({"key":")" + key + R"(","kind":"refund_no_receipt","staff":")" + staff +
                              R"(","lines":[)" + line + R"(],"tenders":[],"reason":")" + number + R"("})";
    EXPECT_EQ(refusal(write, "payment card"), "till/card_number") << number;
    EXPECT_EQ(refusal(sale(line, R"({"kind":"card","amount":510,"token":")" + number +
                                     R"(","masked":"**** 1111","result":"approved"})"),
                      "payment card"),
              "till/card_number");
  }
  EXPECT_TRUE(
      parse(sale(line, R"({"kind":"card","amount":510,"token":"tok_4111","masked":"**** 1111","result":"approved"})")));
}

TEST(WriteJson, WhatWasRungAloneComesWithItsNumberAndIsASaleOfThisTill) {
  const auto alone = [&](const std::string& kind, const std::string& receipt, std::uint32_t till) {
    const std::string text = R"({"key":")" + key + R"(","kind":")" + kind + R"(","staff":")" + staff +
                             R"(","lines":[{"sku":"A","quantity":"1","unit_price":"1","vat":"S"}],"tenders":[],)" +
                             std::string(kind == "sale" ? "" : R"("reason":"x",)") + R"("alone":{"receipt":")" +
                             receipt + R"(","at":"2026-11-26T01:00:00Z"}})";
    return parse(text, {.till = TillId{till}, .chain = "c", .site = SiteName("store-01")});
  };
  const auto rung = alone("sale", "3-0ABCDEFG-9", 3);
  ASSERT_TRUE(rung) << rung.error().text;
  EXPECT_EQ(rung->request.prior->origin.epoch, fold::rung_alone_epoch);
  EXPECT_EQ(rung->request.prior->index, 9u);
  EXPECT_EQ(to_text(*rung->request.printed_receipt), "3-0ABCDEFG-9");
  EXPECT_FALSE(alone("sale", "4-0ABCDEFG-9", 3)) << "another till's number";
  EXPECT_FALSE(alone("refund_no_receipt", "3-0ABCDEFG-9", 3)) << "money out";
  // From the file that a till hands out, in by the machine's administrator.
  const std::string of_file = sale(line, cash,
                                   R"(,"till":3,"alone":{"receipt":"3-0ABCDEFG-9",)"
                                   R"("at":"2026-11-26T01:00:00Z"})");
  const auto handed_in = parse(of_file, {.is_local = true});
  ASSERT_TRUE(handed_in) << handed_in.error().text;
  EXPECT_EQ(handed_in->request.printed_receipt->n, 9u);
  const std::string prior = R"(,"prior":{"origin":"c/store-01/4294967295","index":9,"at":"2026-11-26T01:00:00Z"})";
  EXPECT_EQ(refusal(sale(line, cash, prior), "no journal's", till_3()), "http/bad_value");
}

TEST(WriteJson, RolesAreAskedForByKind) {
  const std::string write_off = R"({"key":")" + key + R"(","kind":"write_off","staff":")" + staff +
                                R"(","lines":[{"sku":"A-1","quantity":"1"}],"reason":"broken")";
  const auto parsed = parse(write_off + "}");
  ASSERT_TRUE(parsed) << parsed.error().text;
  EXPECT_EQ(parsed->needs, people::Role::manager);
  // Done already, with a reply in hand: the till may say so by itself (protocol 8.2), of what moves goods or money.
  const std::string prior = R"(,"prior":{"origin":"c/store-01/1","index":7,"at":"2026-11-22T14:03:05Z"}})";
  EXPECT_TRUE(parse(write_off + prior)->has_happened);
  EXPECT_EQ(parse(write_off + prior)->needs, people::Role::manager);
  const Asker cashier{.signed_in = SubjectId{*array_from_hex<16>(staff)}, .role = people::Role::cashier};
  EXPECT_FALSE(parse(write_off + prior, cashier)->has_happened) << "no till says so";
  const std::string held = R"({"key":")" + key + R"(","kind":"close_listed","staff":")" + staff + R"(")";
  const std::string closes = held + R"(,"id":")" + key + R"(","note":"seen")";
  const auto closed = parse(closes + prior);
  ASSERT_TRUE(closed) << closed.error().text;
  EXPECT_FALSE(closed->has_happened) << "a decision is no goods that have moved";
  EXPECT_EQ(closed->needs, people::Role::manager);
  const std::string products =
      R"({"key":")" + key +
      R"(","kind":"list_products","products":[{"sku":"A","name":"n","unit_price":"1","vat":"S","goods":true}]})";
  EXPECT_EQ(parse(products, {.is_local = true})->needs, people::Role::chain_operator);
}

TEST(WriteJson, NobodyWritesInAnothersName) {
  const SubjectId me{*array_from_hex<16>(key)};
  const Asker person{.signed_in = me, .role = people::Role::manager};
  const std::string count = R"({"key":")" + key + R"(","kind":"count","lines":[{"sku":"A","counted":"0"}])";
  EXPECT_EQ(parse(count + "}", person)->request.staff, me);
  EXPECT_EQ(refusal(count + R"(,"staff":")" + staff + R"("})", "not the person who is signed in", person),
            "auth/staff");
  // At a till as well, where it is about who did what in an incident: the key of a till is nobody's word.
  Asker at_till = till_3();
  at_till.signed_in = me;
  at_till.role = people::Role::manager;
  EXPECT_TRUE(parse(count + R"(,"staff":")" + staff + R"("})", at_till)) << "what its staff did before";
  const std::string step = R"({"key":")" + key + R"(","kind":"rejoin_step","link":"head-office","check":"agreed")";
  EXPECT_EQ(parse(step + "}", at_till)->request.staff, me);
  for (const Asker& asker : {at_till, person, till_3()})
    EXPECT_EQ(refusal(step + R"(,"staff":")" + staff + R"("})", "not the person who is signed in", asker),
              "auth/staff");
  EXPECT_TRUE(parse(step + R"(,"staff":")" + staff + R"("})", {.is_local = true}));
  EXPECT_EQ(refusal(sale(line, cash), "enrolled till", {.is_local = true}), "till/no_till");
  EXPECT_EQ(parse(sale(line, cash, R"(,"till":9)"), {.is_local = true})->request.till, TillId{9});
  EXPECT_EQ(refusal(sale(line, cash, R"(,"till":9)"), "not the till that sends", till_3()), "auth/till");
}

TEST(WriteJson, ABatchIsAListOfAtMostAThousand) {
  EXPECT_FALSE(writes_of(*parse_json("[]")));
  EXPECT_FALSE(writes_of(*parse_json(R"({"writes":{}})")));
  EXPECT_FALSE(writes_of(*parse_json(R"({"writes":[]})")));
  EXPECT_FALSE(writes_of(*parse_json(R"({"writes":[1],"x":1})")));
  std::string many = "{\"writes\":[1";
  for (int i = 0; i < 1000; ++i) many += ",1";
  const auto body = *parse_json(many + "]}");
  EXPECT_EQ(writes_of(body).error().code, "http/too_many");
}

TEST(WriteJson, EveryKindIsRead) {
  const auto with = [](const std::string& kind, const std::string& fields) {
    return R"({"key":")" + key + R"(","kind":")" + kind + R"(","staff":")" + staff + R"(",)" + fields + "}";
  };
  const std::string goods = R"("lines":[{"sku":"A-1","quantity":"1.5"}])";
  const auto holds = [&]<class Command>(const std::string& kind, const std::string& fields, const Command*) {
    const auto parsed = parse(with(kind, fields));
    ASSERT_TRUE(parsed) << kind << ": " << parsed.error().text;
    EXPECT_TRUE(std::holds_alternative<Command>(parsed->request.command)) << kind;
  };
  holds("refund", R"("receipt":"3-00000001-9","lines":[{"line":0,"quantity":"1"}],"tenders":[])",
        static_cast<till::Refund*>(nullptr));
  holds("refund_no_receipt", R"("lines":[)" + line + R"(],"tenders":[],"reason":"lost")",
        static_cast<till::RefundNoReceipt*>(nullptr));
  holds("receive", goods + R"(,"reference":"PO 7")", static_cast<stock::Receive*>(nullptr));
  holds("write_off", goods + R"(,"reason":"broken")", static_cast<stock::WriteOff*>(nullptr));
  holds("dispatch", goods + R"(,"to":"store-02")", static_cast<stock::Dispatch*>(nullptr));
  holds("receive_dispatch", goods + R"(,"from":"warehouse","dispatch":")" + key + "\"",
        static_cast<stock::ReceiveDispatch*>(nullptr));
  holds("delist_product", R"("sku":"A-1")", static_cast<catalogue::DelistProduct*>(nullptr));
  const std::string as_of = R"("as_of":"2026-11-25T02:10:00Z",)";
  holds("feed_stock", as_of + R"("lines":[{"sku":"A-1","level":"-1.5"}])", static_cast<stock::Feed*>(nullptr));
  holds("feed_orders", as_of + R"("orders":[{"number":"#1","lines":[{"quantity":"1"}]}],"gone":[{"number":"#2"}])",
        static_cast<feed::FeedOrders*>(nullptr));
  const std::string file = as_of +
                           R"("stream":"stock","file":"stock.csv","rows":2,"refused":1,"taken":1,"changed":1,)" +
                           R"("sha256":")" + std::string(64, 'a') + R"(",)";
  holds("feed_taken", file + R"("feed":"stock","whole":true)", static_cast<feed::TakeFile*>(nullptr));
  EXPECT_EQ(refusal(with("feed_taken", file + R"("feed":"prices")"), "\"catalogue\", \"stock\" or \"orders\""),
            "http/bad_value");
  const std::string shown = R"(,"products_sha256":")" + std::string(64, 'a') + "\"";
  holds("accept_held", R"("origin":"c/head-office/1","index":5)" + shown, static_cast<fold::AcceptHeld*>(nullptr));
  holds("close_listed", R"("id":")" + key + R"(","note":"done")", static_cast<fold::CloseListed*>(nullptr));
  EXPECT_EQ(refusal(with("dispatch", goods + R"(,"to":"Store 02")"), "a site's name"), "http/bad_value");
  EXPECT_EQ(refusal(with("accept_held", R"("origin":"nonsense","index":5)" + shown), "not an origin"),
            "base/bad_origin");
  EXPECT_EQ(refusal(with("refund", R"("receipt":"1-2-3","lines":[{"line":0,"quantity":"1"}],"tenders":[])"),
                    "not a receipt number"),
            "base/bad_receipt");
  EXPECT_EQ(refusal(with("refund", R"("receipt":"3-00000001-9","lines":[{"line":-1,"quantity":"1"}],"tenders":[])"),
                    "must not be negative"),
            "http/bad_value");
}

}  // namespace
}  // namespace holdfast::http
