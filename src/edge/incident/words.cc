#include "edge/incident/words.h"

#include <algorithm>
#include <array>

namespace holdfast::incident_report {
namespace {

struct Word {
  std::string_view key, en, fr;
};
constexpr std::array words = {
    Word{"incident", "Incident", "Incident"},
    Word{"untitled", "Incident without a title yet", "Incident encore sans titre"},
    Word{"also", "also called", "aussi appelé"},
    Word{"state.open", "open", "ouvert"},
    Word{"state.closed", "closed", "clos"},
    Word{"as_of", "As known at", "Tel que connu le"},
    Word{"from_site", "at site", "au site"},
    Word{"opened", "Opened", "Ouvert"},
    Word{"closed", "Closed", "Clos"},
    Word{"joined", "Joined with another incident", "Réuni avec un autre incident"},
    Word{"by_seal", "by the seal of this site", "par la mise sous scellé du site"},
    Word{"by_hand", "by hand", "à la main"},
    Word{"not_yet_known", "not yet known", "pas encore connu"},
    Word{"nothing_noted", "nothing noted", "rien de noté"},
    Word{"known_title", "What is known, and what is not yet", "Ce qui est connu, et ce qui ne l’est pas encore"},
    Word{"timeline_title", "Timeline", "Chronologie"},
    Word{"timeline_why",
         "In the order in which it was written down. “About when” is when it happened, as far as anybody knows.",
         "Dans l’ordre où cela a été écrit. « Vers quand » dit quand cela s’est produit, pour autant qu’on le sache."},
    Word{"tasks_title", "Tasks", "Tâches"},
    Word{"sites_title", "Sites", "Sites"},
    Word{"next_title", "What to do next", "Que faire maintenant"},
    Word{"rests_title", "What this rests on", "Sur quoi cela repose"},
    Word{"rests_why",
         "This file was made from these journals up to these sizes and from nothing else. Whoever holds the same "
         "journals "
         "gets the same file, byte for byte. A root is that of the C2SP tlog-tiles tree of that size.",
         "Ce fichier a été fait à partir de ces journaux jusqu’à ces tailles et de rien d’autre. Qui détient les mêmes "
         "journaux obtient le même fichier, octet pour octet. Une racine est celle de l’arbre C2SP tlog-tiles de cette "
         "taille."},
    Word{"people_why", "People are told by opaque ids; names are kept elsewhere.",
         "Les personnes sont désignées par des identifiants opaques ; les noms sont gardés ailleurs."},
    Word{"written", "Written (UTC)", "Écrit (UTC)"},
    Word{"about", "About when (UTC)", "Vers quand (UTC)"},
    Word{"what", "What", "Quoi"},
    Word{"where", "Where", "Où"},
    Word{"who", "Who", "Qui"},
    Word{"text", "Text", "Texte"},
    Word{"from", "from", "à partir de"},
    Word{"until", "until", "jusqu’à"},
    Word{"corrected", "corrected later", "corrigé plus tard"},
    Word{"corrects", "corrects an earlier note", "corrige une note antérieure"},
    Word{"by_whom", "decided by", "décidé par"},
    Word{"machine", "the machine itself", "la machine elle-même"},
    Word{"journal", "Journal", "Journal"},
    Word{"entries", "Entries", "Entrées"},
    Word{"root", "Root", "Racine"},
    Word{"posture", "Posture", "Posture"},
    Word{"posture.open", "open", "ouvert"},
    Word{"posture.guarded", "guarded", "sur ses gardes"},
    Word{"posture.sealed", "sealed", "scellé"},
    Word{"posture.rejoining", "rejoining", "en retour"},
    Word{"fed_prices", "prices of the old system as of", "prix de l’ancien système au"},
    Word{"fed_stock", "stock of the old system as of", "stock de l’ancien système au"},
    Word{"since", "since", "depuis"},
    Word{"sales_hour", "Sales this hour", "Ventes de cette heure"},
    Word{"sales_before", "Hour before", "Heure d’avant"},
    Word{"usual", "usual", "d’habitude"},
    Word{"no_history", "not enough history", "pas assez d’historique"},
    Word{"sealed_for", "Sealed for", "Scellé pendant"},
    Word{"sales_sealed", "Sales while sealed", "Ventes sous scellé"},
    Word{"gross_sealed", "Takings while sealed", "Recettes sous scellé"},
    Word{"waiting", "Entries that waited", "Entrées en attente"},
    Word{"alerts", "Alerts", "Alertes"},
    Word{"owner", "Owner", "Responsable"},
    Word{"nobody", "nobody yet", "personne encore"},
    Word{"state", "State", "État"},
    Word{"task.open", "open", "à faire"},
    Word{"task.doing", "being done", "en cours"},
    Word{"task.done", "done", "faite"},
    Word{"task.dropped", "dropped", "abandonnée"},
    Word{"task", "Task", "Tâche"},
    Word{"for.store", "In the store", "Au magasin"},
    Word{"for.security", "Security", "Sécurité"},
    Word{"for.lawyer", "Counsel", "Juriste"},
    Word{"knowing.known", "known", "connu"},
    Word{"knowing.suspected", "suspected", "soupçonné"},
    Word{"knowing.not_yet_known", "not yet known", "pas encore connu"},
    Word{"knowing.ruled_out", "ruled out", "exclu"},
    Word{"kind.note", "Note", "Note"},
    Word{"kind.observation", "Observation", "Observation"},
    Word{"kind.discovered", "Discovery", "Découverte"},
    Word{"kind.cause", "Cause", "Cause"},
    Word{"kind.contained", "Containment", "Confinement"},
    Word{"kind.data_affected", "Data affected", "Données touchées"},
    Word{"kind.attacker_contact", "Contact by the attacker", "Contact de l’attaquant"},
    Word{"kind.ransom_asked", "Ransom asked", "Rançon demandée"},
    Word{"kind.decision", "Decision", "Décision"},
    Word{"kind.authority_informed", "Authority informed", "Autorité informée"},
    Word{"kind.people_informed", "People informed", "Personnes informées"},
    Word{"kind.loss", "Loss", "Perte"},
    Word{"kind.title", "Title", "Titre"},
    Word{"fact.alert", "Alert", "Alerte"},
    Word{"fact.posture", "Posture changed", "Changement de posture"},
    Word{"fact.link_cut", "Link cut", "Lien coupé"},
    Word{"fact.link_healed", "Link healed", "Lien rétabli"},
    Word{"fact.contradiction", "Contradiction in a journal", "Contradiction dans un journal"},
    Word{"fact.epoch_opened", "A rebuilt machine serves", "Une machine reconstruite est en service"},
    Word{"fact.registration", "A new machine is known", "Une nouvelle machine est connue"},
    Word{"fact.take_over", "The standby took over", "Le secours a pris le relais"},
    Word{"fact.handback", "Trade handed back", "Commerce rendu"},
    Word{"fact.rejoin_step", "Step of the return", "Étape du retour"},
    Word{"fact.link_returned", "Link returned", "Lien revenu"},
    Word{"found", "found at a start; when and by whom is not known",
         "constaté à un démarrage ; quand et par qui n’est pas connu"},
    Word{"not_kept", "records beyond what one journal may bring in are not shown",
         "enregistrements au-delà de ce qu’un journal peut apporter ne sont pas montrés"},
};

}  // namespace

std::string_view word(std::string_view key, Language language) {
  const auto it = std::ranges::find(words, key, &Word::key);
  if (it == words.end()) return key;
  return language == Language::fr ? it->fr : it->en;
}

}  // namespace holdfast::incident_report
