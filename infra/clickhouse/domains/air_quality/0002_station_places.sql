-- Where stations are, for maps. A station whose readings tell its place stands there. The recordings of Seoul and Beijing
-- tell none: a station of Seoul is shown at the middle of its district (the city's own list of districts in WGS 1984,
-- Seoul Open Data Plaza, rounded to 0.001 degree), one of Beijing in the quarter or town of its name (rounded to 0.01).
-- That is good enough for a map of a city, and not where the instrument stands. Bukhansan and Sinchon-ro lie on the
-- border of districts and are in none here.
CREATE VIEW IF NOT EXISTS city.air_quality_station_place AS
WITH listed AS
(
    SELECT
        each.1 AS in_city,
        each.2 AS area,
        each.3 AS lat,
        each.4 AS lon,
        arrayJoin(each.5) AS name
    FROM
    (
        SELECT arrayJoin([
            ('Seoul', 'Gangnam-gu', 37.496, 127.066, ['강남구', '도산대로', '세곡']),
            ('Seoul', 'Gangdong-gu', 37.549, 127.146, ['강동구', '천호대로']),
            ('Seoul', 'Gangbuk-gu', 37.647, 127.015, ['강북구']),
            ('Seoul', 'Gangseo-gu', 37.566, 126.823, ['강서구', '공항대로']),
            ('Seoul', 'Gwanak-gu', 37.465, 126.944, ['관악구', '관악산']),
            ('Seoul', 'Gwangjin-gu', 37.548, 127.086, ['광진구']),
            ('Seoul', 'Guro-gu', 37.495, 126.858, ['구로구', '궁동']),
            ('Seoul', 'Geumcheon-gu', 37.460, 126.900, ['금천구', '시흥대로']),
            ('Seoul', 'Nowon-gu', 37.655, 127.077, ['노원구', '화랑로']),
            ('Seoul', 'Dobong-gu', 37.666, 127.032, ['도봉구']),
            ('Seoul', 'Dongdaemun-gu', 37.584, 127.051, ['동대문구', '홍릉로']),
            ('Seoul', 'Dongjak-gu', 37.497, 126.944, ['동작구', '동작대로']),
            ('Seoul', 'Mapo-gu', 37.562, 126.909, ['마포구', '마포아트센터']),
            ('Seoul', 'Seodaemun-gu', 37.582, 126.936, ['서대문구', '자연사박물관']),
            ('Seoul', 'Seocho-gu', 37.477, 127.038, ['서초구', '강남대로']),
            ('Seoul', 'Seongdong-gu', 37.551, 127.041, ['성동구', '강변북로', '서울숲']),
            ('Seoul', 'Seongbuk-gu', 37.607, 127.023, ['성북구', '정릉로']),
            ('Seoul', 'Songpa-gu', 37.505, 127.114, ['송파구', '올림픽공원']),
            ('Seoul', 'Yangcheon-gu', 37.527, 126.856, ['양천구']),
            ('Seoul', 'Yeongdeungpo-gu', 37.521, 126.914, ['영등포구', '영등포로']),
            ('Seoul', 'Yongsan-gu', 37.531, 126.981, ['용산구', '한강대로', '남산']),
            ('Seoul', 'Eunpyeong-gu', 37.618, 126.923, ['은평구']),
            ('Seoul', 'Jongno-gu', 37.599, 126.986, ['종로구', '종로']),
            ('Seoul', 'Jung-gu', 37.558, 126.994, ['중구', '청계천로']),
            ('Seoul', 'Jungnang-gu', 37.595, 127.094, ['중랑구']),
            ('Seoul', 'Haengju', 37.600, 126.830, ['행주']),
            ('Beijing', 'Aotizhongxin', 39.98, 116.40, ['Aotizhongxin']),
            ('Beijing', 'Wanliu', 39.99, 116.29, ['Wanliu']),
            ('Beijing', 'Huairou', 40.33, 116.63, ['Huairou'])
        ]) AS each
    )
),
told AS
(
    SELECT
        city AS in_city,
        station AS name,
        argMax(latitude, occurred_at) AS lat,
        argMax(longitude, occurred_at) AS lon
    FROM city.air_quality_reading
    WHERE latitude IS NOT NULL AND longitude IS NOT NULL
    GROUP BY in_city, name
)
SELECT in_city AS city, name AS station, name AS place, lat AS latitude, lon AS longitude FROM told
UNION ALL
SELECT in_city AS city, name AS station, area AS place, toNullable(lat) AS latitude, toNullable(lon) AS longitude FROM listed
WHERE (in_city, name) NOT IN (SELECT in_city, name FROM told);
