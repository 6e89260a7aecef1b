// Who may do what, bad input, writes and reads, over real sockets.
#include "edge/http/api_fixture.h"

namespace holdfast::http {
namespace {

using ApiTest = ApiFixture;

// ---- browsers

TEST_F(ApiTest, AStrangersHostNameAndOriginAreRefused) {
  Raw rebound(server_->port());
  rebound.send("GET /v1/about HTTP/1.1\r\nHost: shop.attacker.example\r\n\r\n");
  const Reply reply = rebound.read();
  EXPECT_EQ(reply.status, 421);
  EXPECT_EQ(reply.code(), "http/bad_host");
  const std::string body = "{\"staff\":\"1\",\"pin\":\"4711\"}";
  EXPECT_EQ(ask("POST", "/v1/session", "Origin: http://evil.example\r\n", body).code(), "http/bad_origin");
  EXPECT_EQ(ask("POST", "/v1/session", "Sec-Fetch-Site: cross-site\r\n", body).code(), "http/bad_origin");
  EXPECT_EQ(ask("POST", "/v1/session", "Origin: http://127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n", body).status,
            200);
}

TEST_F(ApiTest, EveryAnswerCarriesItsSecurityHeaders) {
  for (const char* path : {"/v1/about", "/v1/nothing", "/"}) {
    const Reply reply = ask("GET", path);
    EXPECT_THAT(reply.header("Content-Security-Policy"),
                StartsWith("default-src 'self'; connect-src 'self' http://127.0.0.1:9999; "))
        << path;
    EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.header("Referrer-Policy"), "no-referrer");
  }
  EXPECT_EQ(ask("GET", "/v1/about").header("Cache-Control"), "no-store");
}

TEST_F(ApiTest, MethodsAndMediaTypesAreChecked) {
  EXPECT_EQ(ask("DELETE", "/v1/about").status, 405);
  EXPECT_EQ(ask("POST", "/v1/about", "", "{}").header("Allow"), "GET, HEAD");
  EXPECT_EQ(ask("HEAD", "/v1/about").status, 200);
  Raw form(server_->port());
  form.send("POST /v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(form.read().status, 415);
  EXPECT_EQ(ask("POST", "/v1/session", "", "{\"staff\":").code(), "http/bad_json");
  EXPECT_EQ(ask("POST", "/v1/session", "", "{\"staff\":\"\xff\"}").code(), "http/bad_encoding");
  EXPECT_EQ(ask("GET", "/v1/products?q=%ff", till()).status, 400);
  EXPECT_EQ(ask("GET", "/nowhere").status, 404);
}

// ---- who may

TEST_F(ApiTest, WhoIsNotKnownReadsNeitherPricesNorReceipts) {
  for (const char* path : {"/v1/products", "/v1/products/A", "/v1/receipts/1-00000001-1", "/v1/stock", "/v1/feed",
                           "/v1/orders", "/v1/dispatches", "/v1/held", "/v1/listed",
                           "/v1/writes/status?key=00112233445566778899aabbccddeeff", "/v1/staff", "/v1/session"}) {
    EXPECT_EQ(ask("GET", path).status, 401) << path;
  }
  EXPECT_EQ(ask("POST", "/v1/writes", "", "{\"writes\":[" + sale(1) + "]}").status, 401);
  for (const char* path : {"/v1/about", "/v1/safety", "/v1/chain", "/v1/links", "/v1/totals", "/metrics", "/healthz"}) {
    EXPECT_EQ(ask("GET", path).status, 200) << path;
  }
  EXPECT_EQ(ask("GET", "/v1/recovery").status, 404);
}

TEST_F(ApiTest, ForgedKeysAndTokensAreRefused) {
  const std::string body = "{\"writes\":[" + sale(1) + "]}";
  EXPECT_EQ(ask("POST", "/v1/writes", "Authorization: Till 1." + std::string(64, '0') + "\r\n", body).code(),
            "auth/till");
  EXPECT_EQ(ask("POST", "/v1/writes", "Authorization: Till 2." + till_key_ + "\r\n", body).code(), "auth/till");
  EXPECT_EQ(ask("POST", "/v1/writes", "Authorization: Till x\r\n", body).code(), "auth/till");
  EXPECT_EQ(ask("POST", "/v1/writes", "Authorization: Local nonsense\r\n", body).code(), "auth/local");
  EXPECT_EQ(ask("POST", "/v1/writes", "Authorization: Basic YTpi\r\n", body).status, 401);
  EXPECT_EQ(ask("POST", "/v1/writes", "Cookie: hf_session_store_01=" + std::string(64, '0') + "\r\n", body).status,
            401);
  EXPECT_TRUE(node_.requests.empty());
}

TEST_F(ApiTest, AChangeByCookieNeedsTheSessionsOwnToken) {
  const std::string cookie = session("1", "4711");
  const std::string body = R"({"state":"cut"})";
  EXPECT_EQ(ask("POST", "/v1/links/store-02", cookie, body).code(), "auth/csrf");
  EXPECT_EQ(ask("POST", "/v1/links/store-02", cookie + "X-CSRF-Token: " + std::string(64, '0') + "\r\n", body).code(),
            "auth/csrf");
  EXPECT_FALSE(node_.cut);
  EXPECT_EQ(ask("POST", "/v1/links/store-02", cookie + with_csrf(), body).status, 200);
  EXPECT_TRUE(node_.cut);
  EXPECT_EQ(ask("POST", "/v1/links/store-99", cookie + with_csrf(), body).code(), "node/unknown_link");
  EXPECT_EQ(ask("POST", "/v1/links/store-02", local(), R"({"state":"open"})").status, 200);
  EXPECT_FALSE(node_.cut);
  // Of a sealed site nothing is said to be open that is not.
  EXPECT_EQ(ask("POST", "/v1/posture", local(), R"({"posture":"sealed","reason":"an attack"})").status, 200);
  EXPECT_EQ(ask("POST", "/v1/links/store-02", local(), R"({"state":"open"})").code(), "guard/links_cut");
  EXPECT_EQ(ask("POST", "/v1/links/store-02", local(), body).status, 200) << "cutting needs nothing";
}

TEST_F(ApiTest, TheCookieIsClosedToScriptsAndToOtherSites) {
  const Reply reply = ask("POST", "/v1/session", "", R"({"staff":"1","pin":"4711"})");
  const std::string cookie = reply.header("Set-Cookie");
  EXPECT_THAT(cookie, StartsWith("hf_session_store_01="));
  for (const char* word : {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"}) EXPECT_THAT(cookie, HasSubstr(word));
  EXPECT_THAT(reply.body, Not(HasSubstr("4711")));
}

TEST_F(ApiTest, SignOutEndsTheSession) {
  const std::string cookie = session("12", "0815");
  const Reply known = ask("GET", "/v1/session", cookie);
  EXPECT_EQ(known.status, 200);
  EXPECT_EQ(known.object().at("role").as_string(), "cashier");
  EXPECT_EQ(known.object().at("csrf").as_string(), csrf_);
  EXPECT_EQ(ask("DELETE", "/v1/session", cookie + "X-CSRF-Token: of-an-older-sign-in\r\n").code(), "auth/csrf")
      << "this session is another tab's, and lives on";
  EXPECT_EQ(ask("GET", "/v1/session", cookie).status, 200);
  EXPECT_EQ(ask("DELETE", "/v1/session", cookie + with_csrf()).status, 204);
  EXPECT_EQ(ask("GET", "/v1/session", cookie).status, 401);
  EXPECT_EQ(ask("DELETE", "/v1/session", cookie + with_csrf()).status, 204) << "there is none any more";
}

// Whoever left a till signed in came back to it signed in, after any time: the page asked each second.
TEST_F(ApiTest, ASignInEndsByDisuseHoweverOftenPagesReadAndTillsSendAgain) {
  const auto asks_for_an_hour = [&](const std::string& method, const std::string& path, const std::string& headers,
                                    const std::string& body = "") {
    const std::string cookie = session("1", "4711");
    for (int i = 0; i < 7; ++i) {
      world_.clock.at = world_.clock.at + seconds(600);
      EXPECT_EQ(ask(method, path, cookie + headers, body).status, 200) << path << ", time " << i;
    }
    return ask("GET", "/v1/session", cookie).status;
  };
  EXPECT_EQ(asks_for_an_hour("GET", "/v1/safety", ""), 401);
  EXPECT_EQ(asks_for_an_hour("GET", "/v1/products", till()), 401);
  EXPECT_EQ(asks_for_an_hour("POST", "/v1/writes", till(), R"({"writes":[)" + sale(1) + "]}"), 401);
  EXPECT_EQ(asks_for_an_hour("GET", "/v1/session", ""), 200);
  const std::string cookie = session("1", "4711");
  world_.clock.at = world_.clock.at + seconds(3000);
  EXPECT_EQ(ask("POST", "/v1/links/store-02", cookie + with_csrf(), R"({"state":"cut"})").status, 200);
  world_.clock.at = world_.clock.at + seconds(3000);
  EXPECT_EQ(ask("GET", "/v1/session", cookie).status, 200) << "a change is a use";
}

TEST_F(ApiTest, WrongPinsEndIn429WithATimeToWait) {
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(ask("POST", "/v1/session", "", R"({"staff":"12","pin":"0000"})").code(), "auth/wrong_pin");
  const Reply reply = ask("POST", "/v1/session", "", R"({"staff":"12","pin":"0815"})");
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.header("Retry-After"), "5");
  EXPECT_EQ(ask("POST", "/v1/session", "", R"({"staff":"1","pin":"4711"})").status, 200);  // others are not held up
  EXPECT_EQ(ask("POST", "/v1/session", "", R"({"staff":12,"pin":"0000"})").code(), "http/wrong_type");
  EXPECT_EQ(ask("POST", "/v1/enrol", "", R"({"code":"0000-0000-0000-0000","staff":"9","pin":"4711"})").code(),
            "auth/enrol_closed");
}

TEST_F(ApiTest, ManagersEnrolTillsAndStaffAndCashiersDoNot) {
  const std::string cashier = signed_in("12", "0815");
  EXPECT_EQ(ask("POST", "/v1/tills", cashier, R"({"name":"back"})").code(), "auth/role");
  EXPECT_EQ(ask("POST", "/v1/staff", cashier, R"({"number":"13","name":"X","role":"cashier","pin":"0815"})").code(),
            "auth/role");
  const std::string manager = signed_in("1", "4711");
  const Reply made = ask("POST", "/v1/tills", manager, R"({"name":"back"})");
  EXPECT_EQ(made.status, 200);
  EXPECT_EQ(made.object().at("till").as_int64(), 2);
  const std::string key(made.object().at("device_key").as_string());
  EXPECT_EQ(ask("GET", "/v1/tills/me", "Authorization: Till 2." + key + "\r\n").object().at("name").as_string(),
            "back");
  EXPECT_EQ(ask("POST", "/v1/staff", manager, R"({"number":"13","name":"X","role":"operator","pin":"0815"})").code(),
            "auth/role");
  EXPECT_EQ(ask("POST", "/v1/staff", manager, R"({"number":"12","name":"X","role":"cashier","pin":"0815"})").status,
            409);
  const Reply made_operator =
      ask("POST", "/v1/staff", local(), R"({"number":"14","name":"X","role":"operator","pin":"0815"})");
  ASSERT_EQ(made_operator.status, 200);
  const std::string of_operator = "/v1/staff/" + std::string(made_operator.object().at("staff_id").as_string());
  EXPECT_EQ(ask("DELETE", of_operator, manager).code(), "auth/role");
  EXPECT_EQ(ask("DELETE", of_operator, signed_in("14", "0815")).status, 204);
  EXPECT_EQ(ask("POST", "/v1/tills", local(), R"({"name":"import","till":7})").object().at("till").as_int64(), 7);
  // While it is rebuilt a site does not know which numbers its journals have seen.
  node_.is_rebuilding = true;
  EXPECT_EQ(ask("POST", "/v1/tills", local(), R"({"name":"new"})").code(), "node/rebuilding");
  EXPECT_EQ(ask("POST", "/v1/tills", local(), R"({"name":"old","till":8})").object().at("till").as_int64(), 8);
  EXPECT_EQ(ask("GET", "/v1/recovery", local(), "").code(), "node/rebuilding");
  node_.is_rebuilding = false;
}

TEST_F(ApiTest, ANameIsReadOnlyAfterItsReasonIsInTheJournal) {
  const std::string manager = signed_in("1", "4711");
  const Reply staff =
      ask("POST", "/v1/staff", manager, R"({"number":"13","name":"Grace Hopper","role":"cashier","pin":"0815"})");
  ASSERT_EQ(staff.status, 200) << staff.body;
  EXPECT_THAT(staff.body, Not(HasSubstr("Hopper")));
  EXPECT_THAT(ask("GET", "/v1/staff", manager).body, Not(HasSubstr("Hopper")));
  const std::string id(staff.object().at("staff_id").as_string());
  const std::string body = R"({"subject":")" + id + R"(","reason":"rota"})";
  node_.is_stopped = true;  // the journal takes nothing: then nobody reads
  EXPECT_EQ(ask("POST", "/v1/vault/read", manager, body).code(), "node/stopped");
  node_.is_stopped = false;
  const Reply name = ask("POST", "/v1/vault/read", manager, body);
  EXPECT_EQ(name.object().at("name").as_string(), "Grace Hopper");
  ASSERT_EQ(node_.requests.size(), 1u);
  EXPECT_EQ(std::get<fold::ReadSubject>(node_.requests[0].command).reason, "rota");
  EXPECT_EQ(ask("POST", "/v1/vault/read", signed_in("12", "0815"), body).code(), "auth/role");
  EXPECT_EQ(ask("POST", "/v1/vault/read", local(), body).status, 401);

  const std::string again = signed_in("1", "4711");
  EXPECT_EQ(ask("DELETE", "/v1/staff/" + id, again).status, 204);
  EXPECT_EQ(ask("POST", "/v1/vault/read", again, body).code(), "vault/unknown");
  EXPECT_EQ(ask("DELETE", "/v1/staff/" + id, again).code(), "people/unknown_staff");
  // As if the name could not be erased then: a second try does what was left.
  const SubjectId gone{*array_from_hex<16>(id)};
  ASSERT_TRUE(vault_->seal(gone, "Erika Musterfrau"));
  EXPECT_EQ(ask("DELETE", "/v1/staff/" + id, again).status, 204);
  EXPECT_FALSE(*vault_->knows(gone));
}

// ---- writes

TEST_F(ApiTest, EachWriteOfABatchHasItsOwnAnswer) {
  const std::string bad = R"({"key":"zz","kind":"sale"})";
  const Reply reply =
      ask("POST", "/v1/writes", till(), "{\"writes\":[" + sale(1) + "," + bad + "," + sale(2) + "," + sale(1) + "]}");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto object = reply.object();
  const auto& replies = object.at("replies").as_array();
  ASSERT_EQ(replies.size(), 4u);
  EXPECT_EQ(replies[0].at("ok"), true);
  EXPECT_EQ(replies[0].at("receipt").as_string(), "1-00000001-1");
  EXPECT_EQ(replies[0].at("total").as_int64(), 255);
  EXPECT_EQ(replies[1].at("ok"), false);
  EXPECT_EQ(replies[1].at("key").as_string(), "zz");
  EXPECT_EQ(replies[1].at("problem").at("code").as_string(), "http/bad_value");
  EXPECT_EQ(replies[2].at("index").as_int64(), 1);
  EXPECT_EQ(replies[3].at("duplicate"), true);
  EXPECT_EQ(object.at("safety").at("size").as_int64(), 2);
  EXPECT_EQ(node_.requests.size(), 2u);
}

TEST_F(ApiTest, ABatchThatCannotBeReadChangesNothing) {
  for (const char* body : {"[]", "{}", "{\"writes\":[]}", "{\"writes\":1}", "{\"writes\":[", "\"x\""}) {
    EXPECT_GE(ask("POST", "/v1/writes", till(), body).status, 400) << body;
  }
  EXPECT_TRUE(node_.requests.empty());
  EXPECT_EQ(node_.turns, 0u);
}

TEST_F(ApiTest, AManagersKindNeedsTheManagerBesideTheTill) {
  const std::string write = R"({"writes":[{"key":"00112233445566778899aabbccddeeff","kind":"write_off","staff":")" +
                            std::string(32, 'a') + R"(","lines":[{"sku":"A","quantity":"1"}],"reason":"broken"}]})";
  const auto code = [&](const std::string& headers) {
    const auto object = ask("POST", "/v1/writes", headers, write).object();
    const auto& reply = object.at("replies").as_array()[0].as_object();
    return reply.at("ok") == true ? std::string("taken") : std::string(reply.at("problem").at("code").as_string());
  };
  EXPECT_EQ(code(till()), "auth/role");
  EXPECT_EQ(code(till() + signed_in("12", "0815")), "auth/role");
  EXPECT_EQ(code(till() + "Cookie: hf_session_store_01=old\r\n"), "auth/role");  // an old session is none, not an error
  EXPECT_TRUE(node_.requests.empty());
  EXPECT_EQ(code(till() + signed_in("1", "4711")), "taken");
  EXPECT_EQ(code(till()), "taken");  // a retry is answered before any role is looked at
}

TEST_F(ApiTest, LocalWritesForAnEnrolledTillAlone) {
  const auto with_till = [&](const std::string& n) {
    std::string write = sale(1);
    write.insert(1, "\"till\":" + n + ",");
    const auto object = ask("POST", "/v1/writes", local(), "{\"writes\":[" + write + "]}").object();
    return object.at("replies").as_array()[0].at("ok").as_bool();
  };
  EXPECT_FALSE(with_till("77"));
  EXPECT_TRUE(with_till("1"));
}

TEST_F(ApiTest, AReplacedNodeSaysSo) {
  node_.is_stopped = true;
  node_.safety_now.replaced_by = Origin{"holdfast.example/test", SiteName("store-01"), 2};
  const auto object = ask("POST", "/v1/writes", till(), "{\"writes\":[" + sale(1) + "]}").object();
  EXPECT_EQ(object.at("replies").as_array()[0].at("problem").at("status").as_int64(), 503);
  EXPECT_THAT(std::string(object.at("safety").at("replaced_by").at("origin").as_string()), HasSubstr("store-01/2"));
}

TEST_F(ApiTest, StatusTellsDurableFromCosignedFromListed) {
  ask("POST", "/v1/writes", till(), "{\"writes\":[" + sale(1) + "," + sale(2) + "]}");
  node_.safety_now.cosigned_size = 1;
  const auto status = [&](int n) {
    const auto object =
        ask("GET", "/v1/writes/status?key=" + std::string(30, '0') + std::to_string(10 + n), till()).object();
    return std::string(object.at("writes").as_array()[0].at("state").as_string());
  };
  EXPECT_EQ(status(1), "cosigned");
  EXPECT_EQ(status(2), "durable");
  EXPECT_EQ(status(3), "unknown");
  EXPECT_EQ(ask("GET", "/v1/writes/status", till()).status, 422);
  EXPECT_EQ(ask("GET", "/v1/writes/status?key=00", till()).status, 422);
}

// ---- reads

TEST_F(ApiTest, ReceiptsShowWhatWasRefunded) {
  const ReceiptNumber number{{1}, {1}, 1};
  till::SaleRecorded sold{.receipt = number, .total = {510}};
  sold.lines.push_back({.sku = Sku("A"),
                        .quantity = {2000},
                        .unit_price = {2'550'000},
                        .vat = VatCode("S"),
                        .vat_millionths = 200'000,
                        .amount = {510},
                        .vat_amount = {85},
                        .name = "Tea \"Earl\""});
  sold.tenders.push_back({.amount = {510}});
  node_.events[5] = {.at = {1'800'000'000'000'000'000}, .write = fold::WriteInfo{.till = {1}}, .body = sold};
  node_.fold_state.till.receipts[{TillId{1}, SeriesId{1}}].receipts[1] = {.epoch = 1, .index = 5};
  node_.fold_state.till.refunded[number][0] = Quantity{1000};
  const auto receipt = ask("GET", "/v1/receipts/1-00000001-1", till()).object();
  EXPECT_EQ(receipt.at("total").as_int64(), 510);
  EXPECT_EQ(receipt.at("cosigned"), false);
  const auto& line = receipt.at("lines").as_array()[0].as_object();
  EXPECT_EQ(line.at("name").as_string(), "Tea \"Earl\"");
  EXPECT_EQ(line.at("refunded").as_string(), "1");
  EXPECT_EQ(line.at("unit_price").as_string(), "2.55");
  const auto& vat = receipt.at("vat").as_array()[0].as_object();
  EXPECT_EQ(vat.at("rate").as_string(), "20");
  EXPECT_EQ(vat.at("net").as_int64(), 425);
  EXPECT_EQ(ask("GET", "/v1/receipts/1-00000001-2", till()).code(), "till/unknown_receipt");
  EXPECT_EQ(ask("GET", "/v1/receipts/nonsense", till()).code(), "base/bad_receipt");
}

TEST_F(ApiTest, ARefundIsShownWithTheNameAndTheVatRateOfItsSale) {
  const ReceiptNumber sold{{1}, {1}, 1}, refunded{{1}, {1}, 2};
  till::SaleLine line{.sku = Sku("A"), .quantity = {1000}, .vat = VatCode("S"), .vat_millionths = 175'000};
  line.amount = {235};
  line.vat_amount = {35};
  line.name = "Tea as it was sold";
  node_.events[5] = {.at = {1}, .write = fold::WriteInfo{.till = {1}}, .body = till::SaleRecorded{sold, {line}}};
  const till::RefundLine back{0, {1000}, {235}, {35}, Sku("A"), VatCode("S"), true};
  node_.events[6] = {
      .at = {2}, .write = fold::WriteInfo{.till = {1}}, .body = till::RefundRecorded{refunded, sold, {back}}};
  auto& receipts = node_.fold_state.till.receipts[{TillId{1}, SeriesId{1}}].receipts;
  receipts[1] = {.epoch = 1, .index = 5};
  receipts[2] = {.epoch = 1, .index = 6};
  fold::PeerPart& head_office = node_.fold_state.peers[SiteName("head-office")];
  head_office.catalogue.products[Sku("A")] = {{Sku("A"), "", "Tea", {2'550'000}, VatCode("S")}, 1};
  const auto shown = [&] {
    const auto receipt = ask("GET", "/v1/receipts/1-00000001-2", till()).object();
    const auto& vat = receipt.at("vat").as_array()[0].as_object();
    return std::pair(std::string(receipt.at("lines").as_array()[0].at("name").as_string()),
                     std::string(vat.at("rate").as_string()));
  };
  EXPECT_EQ(shown(), std::pair(std::string("Tea as it was sold"), std::string("17.5")));
  node_.events.erase(5);
  EXPECT_EQ(shown().second, "20") << "its sale cannot be read: the chain's rate of today";
}

TEST_F(ApiTest, AReceiptHasTheTimeThatWasPrintedOnIt) {
  const Instant printed = *parse_instant("2026-11-25T09:59:00Z"), taken = *parse_instant("2026-11-25T11:30:00Z");
  fold::WriteInfo write{.till = {1}};
  write.prior = fold::Prior{{"holdfast.example/test", SiteName("store-01"), 1}, 7, printed};
  node_.events[5] = {.at = taken, .write = write, .body = till::SaleRecorded{.receipt = {{1}, {1}, 1}}};
  node_.fold_state.till.receipts[{TillId{1}, SeriesId{1}}].receipts[1] = {.epoch = 1, .index = 5};
  const auto receipt = ask("GET", "/v1/receipts/1-00000001-1", till()).object();
  EXPECT_EQ(receipt.at("at").as_string(), to_text(printed)) << "it was sent again";
}

TEST_F(ApiTest, ProductsAreFoundByWordAndPagedBySku) {
  fold::PeerPart& head_office = node_.fold_state.peers[SiteName("head-office")];
  head_office.origin = {"holdfast.example/test", SiteName("head-office"), 1};
  for (int i = 0; i < 5000; ++i) {
    catalogue::Product product;
    product.sku = Sku("SKU-" + std::to_string(10000 + i));
    product.name = i % 100 == 7 ? "Blue Mug" : "Plate";
    product.unit_price = {1'000'000};
    product.vat = VatCode("S");
    head_office.catalogue.products[product.sku] = {product, 1};
    node_.fold_state.catalogue.products[product.sku] = {product, 1};
  }
  const auto found = ask("GET", "/v1/products?q=mug+blue&limit=1000", till()).object();
  EXPECT_EQ(found.at("products").as_array().size(), 50u);
  EXPECT_TRUE(found.at("prices").as_object().at("as_of").is_null()) << "not yet known";
  feed::FeedTaken file{feed::Kind::catalogue, "products", "products.csv"};
  file.as_of = *parse_instant("2026-11-25T02:10:00Z");
  node_.fold_state.feed.streams[{file.kind, file.stream}] = {file, file.as_of};
  node_.fold_state.feed.orders["#1"] = {"#1", {}, "paid", {}, {{Sku("SKU-1"), Quantity{2000}}}};
  const auto fed = ask("GET", "/v1/products?q=mug", till()).object();
  EXPECT_EQ(fed.at("prices").as_object().at("as_of").as_string(), "2026-11-25T02:10:00.000000000Z");
  const auto all = ask("GET", "/v1/feed", till()).object();
  EXPECT_EQ(all.at("files").as_array()[0].as_object().at("file").as_string(), "products.csv");
  EXPECT_TRUE(all.at("stock").as_object().at("as_of").is_null());
  EXPECT_EQ(ask("GET", "/v1/orders?after=%230", till()).object().at("orders").as_array().size(), 1u);
  EXPECT_EQ(ask("GET", "/v1/orders?after=%231", till()).object().at("orders").as_array().size(), 0u);
  const auto page = ask("GET", "/v1/products?q=&limit=3&after=SKU-10001", till()).object();
  ASSERT_EQ(page.at("products").as_array().size(), 3u);
  EXPECT_EQ(page.at("products").as_array()[0].at("sku").as_string(), "SKU-10002");
  EXPECT_EQ(ask("GET", "/v1/products?limit=5000", till()).status, 422);
  EXPECT_EQ(ask("GET", "/v1/products/SKU-10001", till()).object().at("name").as_string(), "Plate");
  EXPECT_EQ(ask("GET", "/v1/products/SKU-1%2F2", till()).status, 404);
}

TEST_F(ApiTest, MetricsAreInPrometheusForm) {
  const Reply reply = ask("GET", "/metrics");
  EXPECT_THAT(reply.header("Content-Type"), StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(reply.body, HasSubstr("# TYPE holdfast_http_requests_total counter\nholdfast_http_requests_total "));
  EXPECT_THAT(reply.body, HasSubstr("\nholdfast_journal_entries 0\n"));
  EXPECT_THAT(reply.body, Not(HasSubstr("holdfast_tills_")));
}

TEST_F(ApiTest, MetricsTellWhenTheCertificatesForTillsEnd) {
  const edge::ScratchDirectory directory;
  const auto machine = tills::Machine::open({directory.path(), "store-01", "127.0.0.1:0", {"192.168.1.10"}},
                                            world_.clock, [](const tills::News&) {});
  ASSERT_TRUE(machine) << machine.error().text;
  ApiParts parts{*thread_,       *credentials_, *sessions_,         *vault_, *worker_, world_.clock,
                 world_.entropy, pages_,        server_->counters()};
  parts.tills = machine->get();
  api_ = std::make_unique<Api>(std::move(parts), ApiSettings{.site = "store-01", .listen = "127.0.0.1:0"});
  const std::string told = ask("GET", "/metrics").body;
  const auto in_seconds = [&](Duration from_now) { return (world_.clock.now() + from_now).unix_ns / 1'000'000'000; };
  EXPECT_THAT(told, HasSubstr(fmt::format("\nholdfast_tills_certificate_ends_seconds {}\n", in_seconds(days(395)))));
  EXPECT_THAT(told, HasSubstr(fmt::format("\nholdfast_tills_authority_ends_seconds {}\n", in_seconds(days(3650)))));
  api_.reset();  // before the machine
}

// ---- pace

struct Told {
  unsigned status = 0;
  std::string body, retry_after, said_by;
  Duration hold;
};
// Refusals come before the call returns; what the node is asked for is told as 0.
Told tell(Api& api, Request request) {
  auto told = std::make_shared<Told>();
  request.host = "127.0.0.1";
  api.handle(std::move(request), [told](const std::function<Response()>& make) {
    const Response response = make();
    told->status = response.status;
    told->body = response.body;
    told->hold = response.hold;
    told->said_by = response.said_by;
    for (const auto& [name, value] : response.headers)
      if (name == "Retry-After") told->retry_after = value;
  });
  return *told;
}

TEST_F(ApiTest, AFloodFromAnAddressIsToldToWaitAndTillsAndTheAdministratorAreNot) {
  int refused_requests = 0;
  ApiParts parts{*thread_,       *credentials_, *sessions_,         *vault_, *worker_, world_.clock,
                 world_.entropy, pages_,        server_->counters()};
  parts.on_refused = [&](bool) { ++refused_requests; };
  Api api(std::move(parts), ApiSettings{.site = "store-01", .listen = "127.0.0.1:7400"});
  const auto ask_from = [&](const std::string& from, const std::string& path, const std::string& authorization) {
    return tell(api, {.method = Method::get, .path = path, .authorization = authorization, .from = from});
  };
  const auto flood = [&](const std::string& from, const std::string& authorization) {
    int taken = 0;
    for (int i = 0; i < 600; ++i) taken += ask_from(from, "/v1/products", authorization).status == 401 ? 1 : 0;
    return taken;
  };
  EXPECT_EQ(flood("192.168.1.9", ""), 400);
  EXPECT_EQ(refused_requests, 400) << "what is too fast is not counted, or a flood would make the site guarded";
  EXPECT_EQ(flood("192.168.1.8", "Till 1.nonsense"), 400) << "a forged key is nobody's";
  const Told told = ask_from("192.168.1.9", "/v1/nothing-here", "");
  EXPECT_EQ(told.status, 404u);
  const Told wait = ask_from("192.168.1.9", "/v1/products", "");
  EXPECT_EQ(wait.status, 429u);
  EXPECT_THAT(wait.body, HasSubstr("http/too_fast"));
  EXPECT_EQ(wait.retry_after, "1");
  EXPECT_EQ(wait.hold, flood_hold) << "who asks again at once waits for that answer";
  EXPECT_EQ(told.hold, Duration{});
  // At the same address, and at another.
  EXPECT_NE(ask_from("192.168.1.9", "/v1/tills/me", "Till 1." + till_key_).status, 429u);
  for (int i = 0; i < 2000; ++i) ASSERT_NE(ask_from("192.168.1.9", "/v1/tills/me", "Local " + token_).status, 429u);
  EXPECT_EQ(ask_from("192.168.1.7", "/v1/products", "").status, 401u);
  world_.clock.at = world_.clock.at + seconds(1);
  int taken = 0;
  for (int i = 0; i < 200; ++i) taken += ask_from("192.168.1.9", "/v1/products", "").status == 401 ? 1 : 0;
  EXPECT_EQ(taken, 100) << "and so many a second afterwards";
}

TEST_F(ApiTest, OneTillDoesNotEndWhatMirrorsTakeOfItsStoreInADay) {
  const auto write = [&](const std::string& authorization) {
    return tell(*api_, {.method = Method::post,
                        .path = "/v1/writes",
                        .authorization = authorization,
                        .content_type = "application/json",
                        .body = std::string(1000 << 10, 'x'),
                        .from = "192.168.1.9"});
  };
  const std::string key = "Till 1." + till_key_;
  int taken = 0;
  while (write(key).status == 400 && taken < 1000) ++taken;
  EXPECT_EQ(taken, 40);
  const Told wait = write(key);
  EXPECT_EQ(wait.status, 429u);
  EXPECT_EQ(wait.retry_after, "101");
  EXPECT_EQ(write("Local " + token_).status, 400u);
  EXPECT_EQ(tell(*api_, {.method = Method::get, .path = "/v1/tills/me", .authorization = key}).status, 200u)
      << "it may read on";
  world_.clock.at = world_.clock.at + seconds(100);
  EXPECT_EQ(write(key).status, 400u);
  EXPECT_EQ(write(key).status, 429u);
}

TEST_F(ApiTest, AnAnswerSaysToTheServerWhoseTheConnectionIs) {
  const auto by = [&](const std::string& authorization) {
    return tell(*api_, {.method = Method::get, .path = "/v1/tills/me", .authorization = authorization}).said_by;
  };
  EXPECT_EQ(by("Till 1." + till_key_), "till/1");
  EXPECT_EQ(by("Till 1.nonsense"), "");
  EXPECT_EQ(by("Local " + token_), "");
  EXPECT_EQ(by(""), "");
}

TEST_F(ApiTest, WrongPinsOfALaptopDoNotKeepAManagerFromSigningInAtATill) {
  for (int i = 0; i < 40; ++i)
    ask("POST", "/v1/session", "", R"({"staff":"1","pin":")" + std::to_string(1000 + i) + R"("})");
  const std::string right = R"({"staff":"1","pin":"4711"})";
  EXPECT_EQ(ask("POST", "/v1/session", "", right).code(), "auth/wait");
  EXPECT_EQ(ask("POST", "/v1/session", till(), right).status, 200);
}

}  // namespace
}  // namespace holdfast::http
