# Turns the text file IN into a C file OUT that defines `const char NAME[]` (as numbers: C bounds the length of strings).
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "extern const char ${NAME}[];\nconst char ${NAME}[] = {${bytes} 0};\n")
