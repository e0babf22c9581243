"""Writes captions in the style of AudioCaps and Clotho, one a line: plain sentences, and the punctuation,
contractions, numbers, quotes, brackets and abbreviations that annotators type. Same seed, same captions.

    python3 tests/parity/make_captions.py --count 2000 --seed 1 > captions.txt
"""

import argparse
import random

SOURCES = """a man|a woman|two men|several people|a child|children|a crowd|a large crowd|a dog|dogs|a cat|birds|a bird|an owl|
a rooster|a goat|sheep|frogs|insects|crickets|bees|a horse|pigs|ducks|pigeons|a baby|an adult male|a female|someone|people|
a car|a truck|a bus|a train|a motorcycle|an engine|a vehicle|a helicopter|an airplane|a siren|an emergency vehicle|a boat|
a clock|a bell|church bells|an alarm|a phone|a toilet|a faucet|water|rain|thunder|wind|waves|fire|a door|a drawer|keys|
a machine|a sewing machine|a power tool|a drill|a saw|a fan|a vacuum cleaner|a typewriter|a keyboard|music|a guitar|a piano|
drums|a violin|an audience|a speaker|a radio|a crowd's cheering|a man's voice|the children's laughter|a cow's bell|Mr. Smith|
Dr. Jones|St. Mary's bells|the U.S. anthem|a D.J.|a P.A. announcer|someone's footsteps|the dogs' barking|the boys' choir""".replace("\n", "")
ACTIONS = """speaks|is speaking|talks|are talking|laughs|sings|cries|is crying|barks|meows|chirp|are chirping|hoots|bleats|croak|buzz|
clip-clops|quacks|coos|snores|sneezes|whistles|claps|cheers|idles|accelerates|revs|passes by|drives by|honks|rumbles|
blares|approaches|rings|chimes|beeps|flushes|drips|splashes|falls|pours|cracks|howls|blows|crash|crackles|slams|opens and closes|
jingle|hums|whirs|vibrates|clicks|types away|plays|strums|beats|echoes|fades|gets louder|can be heard|is heard|isn't heard|
doesn't stop|won't start|can't be understood|couldn't be clearer|didn't change|'s heard|he'll sing|they're talking|it's raining|
that's dripping|cannot be heard|is gonna stop|wanna play|gotta go|keeps tick-tocking|goes up/down|zips on/off|turns on and/or off""".replace("\n", "")
PLACES = """in the background|nearby|in the distance|far away|outdoors|in a room|on a hard surface|on a metal roof|in a large, empty hall|
over a loudspeaker|through a P.A. system|at 5 p.m.|at 10:30 a.m.|at 7:30pm|for 10 seconds|for approx. 5 sec.|at 50 Hz|at 1,000 Hz|
at 3.5 kHz|about 20-30 times|every 1/2 second|1 1/2 times|2x|for the 1st time|on the 2nd floor|at 60 mph|at -3 dB|at 100%|
in the 1990s|in the '90s|at no. 5|at No. 10 Downing St.|in Washington D.C.|in the U.K.|near St. Louis|on Main St.|at a 3-way stop|
on a gravel-covered road|in a half-empty, echo-filled room|with low-pitched noise|with a high-pitched, whirring sound|
at rock 'n' roll volume|around five o'clock|by the mother-in-law|with an R&B beat|next to an ATM/phone|w/ a hiss""".replace("\n", "")
LINKS = [", and ", " and ", " while ", " as ", ", then ", "; ", " followed by ", ", followed by ", " with ", " before ", ": ",
         " - ", " -- ", "--", ", ", " & ", "/", "... ", " ... ", ". Then ", ".  The ", ". ", "! ", "? ", " (then) ", " or "]
ASIDES = ["(far away)", "( very loud )", "(or birds)", "(e.g. a car)", "(i.e., a truck)", '"hello"', "'goodbye'", '"ready, set, go!"',
          "\"I don't know\"", "'what's that?'", "[inaudible]", "{noise}", "<music>", "etc.", "etc., ", "e.g. rain", "i.e. rain",
          "vs. a cat", "a.k.a. static", "*beep*", "#1", "~", "...", "----", "No!", "\"Yes.\"", "``quiet''", "(1)", "a) loud",
          "b.", "A.", "x2", "+ noise", "= noise", "50%", "$5", "@ home", "5'10\"", "ok :)", "10-15", "e-mail", "Wi-Fi", "x-ray", "1st-floor"]
ENDS = [".", ".", ".", "", "", "", "!", "?", "...", " .", "..", "!!", "?!", ",", ";", " -", '."', '".', ".'", "'.", ".)", ").", " etc."]


def clause(rng):
    words = [rng.choice(SOURCES.split("|")), rng.choice(ACTIONS.split("|"))]
    if rng.random() < 0.5:
        words.append(rng.choice(PLACES.split("|")))
    if rng.random() < 0.25:
        words.insert(rng.randrange(1, len(words) + 1), rng.choice(ASIDES))
    return " ".join(words).replace(" 's", "'s")


def caption(rng):
    text = clause(rng)
    for _ in range(rng.choice([0, 1, 1, 1, 2])):
        text += rng.choice(LINKS) + clause(rng)
    text += rng.choice(ENDS)
    style = rng.random()
    if style < 0.6:
        text = text[0].upper() + text[1:]
    elif style < 0.65:
        text = text.upper()
    elif style < 0.7:
        text = text.title()
    return text


def captions(seed, count):
    rng = random.Random(seed)
    return [caption(rng) for _ in range(count)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    print("\n".join(captions(given.seed, given.count)))


if __name__ == "__main__":
    main()
