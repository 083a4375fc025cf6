"""One abstract grammar and lexicon, realised in English, German and Chinese."""
