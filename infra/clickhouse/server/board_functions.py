"""The functions that a statement of a board may call, by name, with what each may be given.

The engine checks time and cancelling between blocks of rows, never within one. So a board may call only functions
whose cost for a block is bounded: constant for a row, or linear in values whose size is bounded. Everything else is
refused, known or not. A new function is added here only after its cost for one block was measured.
"""

from __future__ import annotations

import re

_MATHS = """
    abs acos acosh asin asinh atan atan2 atanh bitAnd bitCount bitNot bitOr bitTest bitXor cbrt ceil ceiling clamp cos
    cosh degrees divide divideOrNull e erf erfc exp exp10 exp2 floor gcd geoDistance greatCircleDistance greatest hypot
    ifNotFinite intDiv intDivOrNull intDivOrZero isFinite isInfinite isNaN lcm least ln log log10 log1p log2 max2 min2
    minus mod modulo moduloOrNull moduloOrZero multiply negate pi plus positiveModulo pow power radians round
    roundBankers roundDown roundToExp2 sign sin sinh sqrt tan tanh trunc truncate widthBucket width_bucket
"""
_LOGIC = """
    and assumeNotNull caseWithExpr caseWithExpression caseWithoutExpr caseWithoutExpression coalesce equals exists
    globalIn globalNotIn greater greaterOrEquals identity if ifNull in isDistinctFrom isNotDistinctFrom isNotNull isNull
    isNullable isZeroOrNull less lessOrEquals multiIf not notEquals notIn notNullIn nullIf nullIn or toNullable
    transform xor
"""
_CONVERSIONS = """
    CAST _CAST accurateCast accurateCastOrNull fromUnixTimestamp fromUnixTimestamp64Micro fromUnixTimestamp64Milli
    fromUnixTimestamp64Nano fromUnixTimestamp64Second parseDateTimeBestEffort parseDateTimeBestEffortOrNull
    parseDateTimeBestEffortOrZero parseDateTime64BestEffort parseDateTime64BestEffortOrNull
    parseDateTime64BestEffortOrZero toBool toLowCardinality toString toTypeName toUnixTimestamp toUnixTimestamp64Micro
    toUnixTimestamp64Milli toUnixTimestamp64Nano toUnixTimestamp64Second
"""
_DATES = """
    addDays addHours addMicroseconds addMilliseconds addMinutes addMonths addQuarters addSeconds addWeeks addYears age
    current_date current_timestamp dateDiff dateName dateTrunc date_bin date_diff date_trunc formatDateTime makeDate
    makeDate32 makeDateTime makeDateTime64 monthName now now64 nowInBlock subtractDays subtractHours
    subtractMicroseconds subtractMilliseconds subtractMinutes subtractMonths subtractQuarters subtractSeconds
    subtractWeeks subtractYears timeSlot time_bucket timestampDiff timestamp_diff timezoneOf timezoneOffset
    toDayOfMonth toDayOfWeek toDayOfYear toHour toISOWeek toISOYear toLastDayOfMonth toLastDayOfWeek toMillisecond
    toMinute toMonday toMonth toQuarter toRelativeDayNum toRelativeHourNum toRelativeMinuteNum toRelativeMonthNum
    toRelativeQuarterNum toRelativeSecondNum toRelativeWeekNum toRelativeYearNum toSecond toStartOfDay
    toStartOfFifteenMinutes toStartOfFiveMinutes toStartOfHour toStartOfISOYear toStartOfInterval toStartOfMicrosecond
    toStartOfMillisecond toStartOfMinute toStartOfMonth toStartOfNanosecond toStartOfQuarter toStartOfSecond
    toStartOfTenMinutes toStartOfWeek toStartOfYear toTimeZone toTimezone toWeek toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss
    toYear toYearWeek today yesterday year month day hour minute second
"""
_STRINGS = """
    ascii base64Decode char_length character_length cityHash64 concat concatWithSeparator concat_ws countSubstrings
    countSubstringsCaseInsensitive empty endsWith endsWithUTF8 extract extractAll formatReadableDecimalSize
    formatReadableQuantity formatReadableSize formatReadableTimeDelta hex ilike initcap instr isValidUTF8 lcase left
    leftUTF8 length lengthUTF8 like lower lowerUTF8 ltrim match md5 mid notEmpty notILike notLike position
    positionCaseInsensitive positionUTF8 replace replaceAll replaceOne replaceRegexpAll
    replaceRegexpOne reverse reverseUTF8 right rightUTF8 rtrim sha256 sipHash64 splitByChar splitByString startsWith
    startsWithUTF8 substr substring substringUTF8 toValidUTF8 trim trimBoth trimLeft trimRight ucase unhex upper
    upperUTF8 xxHash64 JSONExtractBool JSONExtractFloat JSONExtractInt JSONExtractRaw JSONExtractString JSONExtractUInt
    JSONHas JSONLength JSONType isValidJSON simpleJSONExtractBool simpleJSONExtractFloat simpleJSONExtractInt
    simpleJSONExtractString simpleJSONExtractUInt simpleJSONHas
"""
_HIGHER = """
    arrayAll arrayAvg arrayCount arrayCumSum arrayDifference arrayExists arrayFilter arrayFirst arrayFirstIndex
    arrayLast arrayLastIndex arrayMap arrayMax arrayMin arrayReverseSort arraySort arraySum
"""
_ARRAYS = """
    array arrayCompact arrayConcat arrayDistinct arrayElement arrayElementOrNull arrayEnumerate arrayIntersect arrayJoin
    arrayPushBack arrayReverse arraySlice arrayStringConcat arrayUniq arrayZip countEqual has hasAll hasAny indexOf
    lambda map mapContains mapContainsKey mapKeys mapValues tuple tupleElement
"""
_FACTS = """
    currentDatabase currentUser displayName getSetting revision rowNumberInAllBlocks rowNumberInBlock timezone version
"""
_WINDOWS = """
    cume_dist dense_rank denseRank lag lagInFrame lead leadInFrame nonNegativeDerivative nth_value ntile percent_rank
    percentRank rank row_number
"""
_AGGREGATES = """
    any anyHeavy anyLast any_value argMax argMin avg avgWeighted boundingRatio corr count countDistinct covarPop
    covarSamp deltaSum deltaSumTimestamp entropy first_value groupBitAnd groupBitOr groupBitXor kurtPop kurtSamp
    last_value max max_by median medianExact medianTDigest min min_by quantile quantileDeterministic quantileExact
    quantileExactHigh quantileExactLow quantileExactWeighted quantileTDigest quantileTiming quantiles quantilesExact
    quantilesTDigest quantilesTiming simpleLinearRegression singleValueOrNull skewPop skewSamp stddevPop stddevSamp
    stddev_pop stddev_samp sum sumCount sumKahan sumWithOverflow topK uniq uniqCombined uniqCombined64 uniqExact
    uniqHLL12 uniqUpTo var_pop var_samp varPop varSamp
"""
_COLLECTING = "groupArray groupUniqArray"


def _names(*texts: str) -> frozenset[str]:
    return frozenset(name.casefold() for text in texts for name in text.split())


_PLAIN = _names(
    _MATHS,
    _LOGIC,
    _CONVERSIONS,
    _DATES,
    _STRINGS,
    _ARRAYS,
    _HIGHER,
    _FACTS,
    _WINDOWS,
    _AGGREGATES,
    _COLLECTING,
)
_TYPED = re.compile(
    r"to(u?int(8|16|32|64|128|256)|float(32|64)|decimal(32|64|128|256)|date|date32|datetime|datetime64|uuid|ipv4|ipv6)"
    r"(or(null|zero|default))?|tointerval(nano|micro|milli)?second|tointerval(minute|hour|day|week|month|quarter|year)"
)
_BASES = _names(_AGGREGATES, _COLLECTING)
_COMBINATORS = re.compile(r"(if|ornull|ordefault|distinct|merge)$")

NOT_IN_WINDOWS = _names(_COLLECTING) | frozenset(
    name for name in _BASES if name.startswith(("quantile", "median", "entropy", "topk"))
)
"""Aggregates whose result walks through all collected values: a window asks for it at each row."""
TABLE_FUNCTIONS = _names("numbers values generate_series generateSeries")
"""What may stand in place of a table."""
HIGHER_ORDER = _names(_HIGHER)
"""They apply their first argument, which must be written out as `x -> …`: a name there calls a function, too."""
COLLECTING = _names(_COLLECTING)
"""They collect rows in an array, and need the number of its elements: `groupArray(1000)(x)`."""
IN_LAMBDA = _names(_MATHS, _LOGIC, _CONVERSIONS, _DATES, _FACTS) | _names(
    "tuple tupleElement concat lower upper length empty notEmpty startsWith endsWith substring left right cityHash64"
)
"""What may be called for each element of an array: nothing that walks through a text or another array."""
GROWING = _names(
    "concat concatWithSeparator concat_ws replace replaceAll replaceOne replaceRegexpAll replaceRegexpOne arrayConcat"
    " arrayPushBack hex arrayStringConcat"
)
"""Their value may be as long as all arguments together, or longer."""
LITERAL_ARGUMENTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(_names("CAST _CAST accurateCast accurateCastOrNull"), (1,)),
    **dict.fromkeys(_names("match like ilike notLike notILike extract extractAll hasAll hasAny"), (1,)),
    **dict.fromkeys(_names("position positionUTF8 positionCaseInsensitive instr"), (1,)),
    **dict.fromkeys(_names("countSubstrings countSubstringsCaseInsensitive formatDateTime"), (1,)),
    **dict.fromkeys(_names("trim trimBoth trimLeft trimRight ltrim rtrim"), (1,)),
    **dict.fromkeys(_names("splitByChar splitByString"), (0,)),
    **dict.fromkeys(_names("replace replaceAll replaceOne replaceRegexpAll replaceRegexpOne"), (1, 2)),
}
"""Function → positions of the arguments that must be literals, so that no row brings its own pattern or type."""
TYPE_ARGUMENTS = _names("CAST _CAST accurateCast accurateCastOrNull")
"""Their literal is a type; that of the others is a pattern."""


def is_allowed(name: str) -> bool:
    """Return whether a board may call a function, or an aggregate function with combinators such as `If`."""
    folded = name.casefold()
    return folded in _PLAIN or _TYPED.fullmatch(folded) is not None or base(folded) in _BASES


def base(name: str) -> str:
    """Return the name of an aggregate function without its combinators, in lower case."""
    folded = name.casefold()
    while folded not in _BASES:
        shorter = _COMBINATORS.sub("", folded)
        if shorter == folded:
            break
        folded = shorter
    return folded
